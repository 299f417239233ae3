"""Languages by two letters, as models call them: their English name, and the code of FLORES-200 that NLLB uses."""

from __future__ import annotations

_TABLE = """
ar Arabic arb_Arab
bg Bulgarian bul_Cyrl
ca Catalan cat_Latn
cs Czech ces_Latn
da Danish dan_Latn
de German deu_Latn
el Greek ell_Grek
en English eng_Latn
es Spanish spa_Latn
et Estonian est_Latn
fa Persian pes_Arab
fi Finnish fin_Latn
fr French fra_Latn
he Hebrew heb_Hebr
hi Hindi hin_Deva
hr Croatian hrv_Latn
hu Hungarian hun_Latn
id Indonesian ind_Latn
it Italian ita_Latn
ja Japanese jpn_Jpan
ko Korean kor_Hang
lt Lithuanian lit_Latn
lv Latvian lvs_Latn
nl Dutch nld_Latn
no Norwegian nob_Latn
pl Polish pol_Latn
pt Portuguese por_Latn
ro Romanian ron_Latn
ru Russian rus_Cyrl
sk Slovak slk_Latn
sl Slovenian slv_Latn
sr Serbian srp_Cyrl
sv Swedish swe_Latn
th Thai tha_Thai
tr Turkish tur_Latn
uk Ukrainian ukr_Cyrl
vi Vietnamese vie_Latn
zh Chinese zho_Hans
"""

NAMES = {line.split()[0]: line.split()[1] for line in _TABLE.strip().splitlines()}
FLORES = {line.split()[0]: line.split()[2] for line in _TABLE.strip().splitlines()}
