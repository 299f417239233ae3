"""What the benchmarks let voices say: plain sentences, as an assistant and its users would say them.

No numerals, no rare names, and one spelling for each word, so that a difference to what is heard is an error.
"""

from __future__ import annotations

LONG = (
    "The committee decided on Tuesday, after a long and heated discussion, that the bridge over the river "
    "would be closed for at least three weeks while engineers inspect its foundations."
)
"""Thirty words."""

ENGLISH = (
    LONG,
    "She opened the window and listened to the rain on the roof.",
    "Please bring two bottles of water and a warm jacket.",
    "The train to the coast leaves from the second platform.",
    "Nobody expected the small garden to grow so quickly.",
    "He asked whether the library would be open during the holidays.",
    "I have set a timer for twenty minutes, and I will tell you when it rings.",
    "The museum is closed on Mondays, but the park next to it is always open.",
    "Could you tell me which of the three hotels is closest to the station?",
    "My brother bought a used bicycle from a friend of his neighbor.",
    "It will be cloudy in the morning, with a little sunshine after lunch.",
    "We should leave before six if we want to miss the heavy traffic.",
    "The doctor told her to drink more water and to get enough sleep.",
    "There are several ways to solve this problem, and none of them is perfect.",
    "First, heat the oil in a large pan and add the chopped onions.",
    "The children were laughing because the puppy had stolen a shoe.",
    "I could not find that address; would you spell the name of the street?",
    "Her voice was so quiet that we could hardly hear what she said.",
    "The price of coffee has gone up twice since the beginning of the year.",
    "They moved to a village in the mountains when their daughter was born.",
    "Yes, the package was delivered yesterday and left behind the front door.",
    "He has been teaching music at the same school for almost thirty years.",
    "The bank will call you back as soon as your new card is ready.",
    "Turn left at the church, cross the bridge, and keep going for a mile.",
    "I am sorry, but the tickets for the concert on Friday are sold out.",
    "The judge asked the witness to describe the vehicle once more.",
    "A thick fog covered the harbor, so the ships had to wait outside.",
    "You can change the language in the settings at any time.",
    "Scientists have measured how fast the ice is melting in the north.",
    "The recipe needs fresh basil, a pinch of salt, and half a cup of cream.",
    "We watched the sunset from the beach and walked home in the dark.",
    "Your meeting with the architect has been moved to Thursday afternoon.",
    "This machine uses less power than the one that we had before.",
    "What happened to the yellow umbrella that used to hang by the door?",
    "The author spent her youth on a farm and wrote about it all her life.",
    "Please do not touch the screen while the update is being installed.",
)

GERMAN = (
    "Der Zug nach Hamburg fährt heute von einem anderen Gleis.",
    "Sie öffnete das Fenster und hörte dem Regen auf dem Dach zu.",
    "Bitte bringen Sie zwei Flaschen Wasser und eine warme Jacke mit.",
    "Niemand hatte erwartet, dass der kleine Garten so schnell wächst.",
    "Er fragte, ob die Bücherei in den Ferien geöffnet ist.",
    "Das Museum ist am Montag geschlossen, aber der Park daneben ist immer offen.",
    "Können Sie mir sagen, welches Hotel am nächsten am Bahnhof liegt?",
    "Mein Bruder hat von einem Freund ein gebrauchtes Fahrrad gekauft.",
    "Am Morgen ist es bewölkt, und nach dem Mittag scheint ein wenig die Sonne.",
    "Wir sollten vor sechs Uhr losfahren, damit wir nicht im Stau stehen.",
    "Der Arzt hat ihr geraten, mehr Wasser zu trinken und genug zu schlafen.",
    "Zuerst erhitzen Sie das Öl in einer großen Pfanne und geben die Zwiebeln dazu.",
    "Die Kinder lachten, weil der Hund einen Schuh gestohlen hatte.",
    "Ihre Stimme war so leise, dass wir sie kaum hören konnten.",
    "Der Preis für Kaffee ist in diesem Jahr schon zweimal gestiegen.",
    "Das Paket wurde gestern geliefert und liegt hinter der Haustür.",
    "Die Bank ruft Sie zurück, sobald Ihre neue Karte fertig ist.",
    "Gehen Sie an der Kirche nach links und dann über die Brücke.",
    "Die Karten für das Konzert am Freitag sind leider ausverkauft.",
    "Ein dichter Nebel lag über dem Hafen, und die Schiffe mussten warten.",
    "Sie können die Sprache jederzeit in den Einstellungen ändern.",
    "Wir haben am Strand gesessen und sind im Dunkeln nach Hause gegangen.",
    "Diese Maschine braucht weniger Strom als die alte.",
    "Bitte berühren Sie den Bildschirm nicht, solange das Programm geladen wird.",
)
