"""Skills that work with no network and no model: time, timers, sums, units, memory, and steering the conversation."""

from duplex.models.interaction.skills.answerer import Skills, builtin_skills
from duplex.models.interaction.skills.skill import Reply, Skill, phrases

__all__ = ["Reply", "Skill", "Skills", "builtin_skills", "phrases"]
