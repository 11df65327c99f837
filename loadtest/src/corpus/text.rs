//! What the voices say: made up for this corpus.

/// Sentences a language of espeak-ng.
pub const TEXTS: &[(&str, &[&str])] = &[
    ("en-gb", ENGLISH),
    ("en-gb-x-rp", ENGLISH),
    ("en-gb-scotland", ENGLISH),
    ("en-gb-x-gbcwmd", ENGLISH),
    ("en-us", ENGLISH),
    ("cy", WELSH),
    ("pl", POLISH),
    ("fr-fr", FRENCH),
    ("de", GERMAN),
];

const ENGLISH: &[&str] = &[
    "Good morning, I am calling about the bill that came on Tuesday.",
    "My card is in the other room, could you wait a moment while I fetch it?",
    "I have been a customer for nearly eleven years now, you know.",
    "The boiler stopped on Sunday evening and nobody came until Wednesday.",
    "Yes, that is the right address, the green door opposite the bakery.",
    "Shall I key in the long number now, or do you need the date first?",
    "Sorry, my daughter is shouting in the background, one second please.",
    "How much did you say it was altogether, forty two pounds and ninety pence?",
    "We went along the river, and the old mill was closed for the winter.",
    "Could you send me a letter about it, because I do not read my email much?",
    "Hello, hello, are you still there? The line is rather poor today.",
    "I would like to pay half of it now and the other half in January.",
    "Our dog ate the envelope, so I only have the top part of the invoice.",
    "Oh no, I pressed the wrong one, can I start over?",
    "Your colleague promised me that the fee would be removed from the account.",
    "Nine women knew a new way round the moor, or so you say.",
    "Who would choose to move a blue moon at noon in June?",
    "All our lawn mowers are out, try the hardware store on the corner.",
    "Err, um, let me think, ah, it is on the back, isn't it?",
    "Thank you very much, you have been most helpful, goodbye.",
];

const WELSH: &[&str] = &[
    "Bore da, rydw i'n ffonio am y bil a ddaeth ddydd Mawrth.",
    "Mae fy ngherdyn yn yr ystafell arall, arhoswch funud os gwelwch yn dda.",
    "Rydym wedi byw yma ers un mlynedd ar ddeg bellach.",
    "Aeth y ci i lawr at yr afon a daeth yn ôl yn wlyb iawn.",
    "Faint yw'r cyfan gyda'i gilydd, os gwelwch yn dda?",
    "Diolch yn fawr iawn i chi am eich help heddiw.",
];

const POLISH: &[&str] = &[
    "Dzień dobry, dzwonię w sprawie rachunku, który przyszedł we wtorek.",
    "Moja karta jest w drugim pokoju, proszę chwilę poczekać.",
    "Mieszkamy tutaj już od jedenastu lat i nigdy nie było kłopotu.",
    "Pies poszedł nad rzekę i wrócił cały mokry.",
    "Ile to będzie razem, czterdzieści dwa funty?",
    "Bardzo dziękuję za pomoc i życzę miłego dnia.",
];

const FRENCH: &[&str] = &[
    "Bonjour, j'appelle au sujet de la facture qui est arrivée mardi.",
    "Ma carte est dans l'autre chambre, pouvez-vous attendre un moment?",
    "Nous habitons ici depuis onze ans et tout allait bien jusqu'à présent.",
    "Le chien est descendu à la rivière et il est revenu tout mouillé.",
    "Combien cela fait-il en tout, quarante-deux livres?",
    "Je vous remercie beaucoup pour votre aide, au revoir.",
];

const GERMAN: &[&str] = &[
    "Guten Morgen, ich rufe wegen der Rechnung an, die am Dienstag gekommen ist.",
    "Meine Karte liegt im anderen Zimmer, warten Sie bitte einen Augenblick.",
    "Wir wohnen nun seit elf Jahren hier und waren immer zufrieden.",
    "Der Hund lief hinunter zum Fluss und kam ganz nass zurück.",
    "Wie viel macht das zusammen, zweiundvierzig Pfund?",
    "Vielen Dank für Ihre Hilfe und einen schönen Tag noch.",
];
