"""The small words: what is no content, what negates, counts, asks, joins and points."""

from __future__ import annotations

from typing import Final

COMMON: Final = """
a an the this that these those there here it its he she they them their theirs his her hers him we us our ours you your
yours i me my mine myself yourself himself herself itself themselves ourselves one ones someone somebody anyone anybody
something anything is are was were be been being am do does did doing done have has had having will would shall should
can could may might must ought and or but if then so as at by for from in into of off on onto out over to up down with
about against between through during before after above below under again further than too very just also even still
yet such own same other another any some each every all both few more most no nor not only never none without don doesn
didn isn aren wasn weren won wouldn couldn shouldn hasn haven hadn ain cannot n't s t d ll m re ve what which who whom
whose when where why how while because until since though although whether
please kindly tell show explain describe give let know want need like help thanks thank hi hello hey dear ok okay could
get got getting go going make makes making made way ways steps step method methods best good better
actually really basically maybe perhaps exactly simply quickly quick quite
really ever much many lot lots thing things kind type sort
"""
"""Words that carry no content of their own; what guards say of them, they say by the other tables."""

NEGATORS: Final = """
not n't never no none nobody nothing nowhere neither nor without cannot cant dont doesnt didnt isnt arent wasnt werent
wont wouldnt couldnt shouldnt hasnt havent hadnt aint mustnt neednt doesn didn isn aren wasn weren couldn wouldn
shouldn hasn haven hadn unable nope hardly barely lacks lacking
"""

NEGATIVE_PREFIXES: Final = "un in im ir il dis non mis"
"""Prefixes that turn a word round, where the other prompt has the word without it."""

NEUTRAL_NEGATIONS: Final = [
    "or not",
    "or no",
    "not only",
    "not just",
    "no matter",
    "no longer than",
    "not sure",
    "not know",
    "not understand",
    "not remember",
    "not figure",
    "not seem to",
    "not get why",
    "not mind",
    "not wait",
    "no problem",
    "no idea",
    "no clue",
    "no one",
    "cant wait",
    "cant figure",
    "cant seem",
    "cant find",
    "cannot find",
    "cannot figure",
    "cannot wait",
    "dont know",
    "dont understand",
    "dont mind",
    "not to mention",
    "if not",
    "nothing but",
    "none other",
    "no doubt",
    "whether not",
]
"""A negator and the words after it that together negate nothing in the question."""

QUANTIFIERS: Final[dict[str, str]] = {
    "all": "all",
    "every": "all",
    "each": "all",
    "everyone": "all",
    "everybody": "all",
    "everything": "all",
    "entire": "all",
    "some": "some",
    "any": "some",
    "anyone": "some",
    "anybody": "some",
    "several": "some",
    "few": "few",
    "most": "most",
    "majority": "most",
    "none": "none",
    "only": "only",
    "solely": "only",
    "exclusively": "only",
    "both": "both",
    "either": "either",
    "always": "always",
    "sometimes": "sometimes",
    "usually": "usually",
    "rarely": "rarely",
    "seldom": "rarely",
}
"""Word to what it says of how many, how often."""

BOUNDS: Final[dict[str, str]] = {
    "at least": "least",
    "no less than": "least",
    "not less than": "least",
    "no fewer than": "least",
    "minimum of": "least",
    "at most": "most",
    "no more than": "most",
    "not more than": "most",
    "maximum of": "most",
    "up to": "most",
    "more than": "over",
    "greater than": "over",
    "higher than": "over",
    "larger than": "over",
    "bigger than": "over",
    "above": "over",
    "over": "over",
    "exceeding": "over",
    "less than": "under",
    "fewer than": "under",
    "lower than": "under",
    "smaller than": "under",
    "below": "under",
    "under": "under",
    "exactly": "exactly",
    "precisely": "exactly",
}
"""Words before a number to the bound that they make of it."""

OPPOSED_BOUNDS: Final = ["least most", "least under", "over most", "over under", "exactly over", "exactly under"]
"""Bounds that no two wordings of one question have."""

ROLES: Final = """
colleague=coworker=co-worker boss=manager=supervisor friend roommate=flatmate neighbor=neighbour wife husband girlfriend
boyfriend partner spouse ex son daughter child=kid baby toddler brother sister sibling mother=mom=mum=mommy=mummy
father=dad=daddy parent grandmother=grandma=granny grandfather=grandpa uncle aunt=auntie cousin nephew niece landlord
tenant=renter employee employer teacher student client customer patient company dog cat puppy kitten fiance fiancee
mother-in-law father-in-law
"""
"""Whose a thing may be, other than the asker's own; what stands after `=` is another word for it."""

AUDIENCES: Final[dict[str, str]] = {
    "student": "student students pupil pupils learner learners undergraduate undergraduates undergrad undergrads",
    "teacher": "teacher teachers educator educators instructor instructors lecturer lecturers",
    "parent": "parent parents",
    "child": "child children kid kids",
    "baby": "baby babies infant infants newborn newborns",
    "toddler": "toddler toddlers",
    "teenager": "teenager teenagers teen teens adolescent adolescents",
    "adult": "adult adults grownup grownups",
    "senior": "senior seniors elderly retiree retirees pensioner pensioners",
    "man": "man men male males boy boys guy guys",
    "woman": "woman women female females girl girls lady ladies",
    "beginner": "beginner beginners novice novices newbie newbies dummies starter starters",
    "expert": "expert experts advanced professional professionals",
    "employee": "employee employees worker workers",
    "employer": "employer employers",
    "manager": "manager managers",
    "developer": "developer developers programmer programmers",
    "designer": "designer designers",
    "doctor": "doctor doctors physician physicians",
    "nurse": "nurse nurses",
    "patient": "patient patients",
    "lawyer": "lawyer lawyers attorney attorneys",
    "landlord": "landlord landlords",
    "tenant": "tenant tenants renter renters",
    "buyer": "buyer buyers",
    "seller": "seller sellers",
    "driver": "driver drivers",
    "passenger": "passenger passengers",
    "veteran": "veteran veterans",
    "tourist": "tourist tourists visitor visitors",
    "resident": "resident residents",
    "citizen": "citizen citizens",
    "freelancer": "freelancer freelancers contractor contractors self-employed",
    "dog": "dog dogs puppy puppies",
    "cat": "cat cats kitten kittens",
    "horse": "horse horses",
    "vegetarian": "vegetarian vegetarians",
    "vegan": "vegan vegans",
    "diabetic": "diabetic diabetics",
    "business": "business businesses company companies",
    "admin": "admin admins administrator administrators",
}
"""For whom an answer is, after `for`, to the names of that group."""

QUESTIONS: Final[dict[str, str]] = {
    "why": "why",
    "when": "when",
    "where": "where",
    "who": "who",
    "whom": "who",
    "whose": "whose",
    "how": "how",
    "what": "what",
    "which": "what",
}

HOW: Final[dict[str, str]] = {
    "many": "how many",
    "much": "how much",
    "long": "how long",
    "old": "how old",
    "far": "how far",
    "often": "how often",
    "tall": "how tall",
    "big": "how big",
    "large": "how big",
    "deep": "how deep",
    "fast": "how fast",
    "heavy": "how heavy",
    "soon": "how soon",
    "come": "why",
}
"""Word after `how` to the question."""

WHAT: Final[dict[str, str]] = {
    "reason": "why",
    "reasons": "why",
    "causes": "why",
    "cause": "why",
    "caused": "why",
    "makes": "why",
    "for": "why",
    "time": "when",
    "date": "when",
    "day": "when",
    "year": "when",
    "month": "when",
    "place": "where",
    "location": "where",
    "country": "where",
    "city": "where",
    "state": "where",
    "person": "who",
    "people": "who",
    "man": "who",
    "woman": "who",
    "actor": "who",
    "way": "how",
    "ways": "how",
    "steps": "how",
    "step": "how",
    "process": "how",
    "procedure": "how",
    "method": "how",
    "methods": "how",
    "tips": "how",
    "number": "how many",
    "amount": "how much",
    "price": "how much",
    "cost": "how much",
    "age": "how old",
    "distance": "how far",
    "frequency": "how often",
    "duration": "how long",
    "length": "how long",
    "height": "how tall",
    "size": "how big",
    "speed": "how fast",
    "weight": "how heavy",
    "happens": "what happens",
    "if": "what happens",
}
"""Word within five words of `what` or `which` to the question."""

APART: Final = [
    "why when where who how_many how_long how_old how_far how_often how_tall",
    "why when where who how_much how_long how_old how_far how_often how_tall",
    "why how what_happens",
    "how when who",
    "how how_many",
    "how how_much",
    "how how_long",
    "how how_often",
    "how how_old",
    "how how_far",
]
"""Questions that are never worded as one another, within a line."""

SYMMETRIC: Final = "and or vs versus & between nor with , similar same different differ difference compare plus times"
MUTUAL: Final = """
married related close engaged connected similar equal equivalent next adjacent identical opposite perpendicular parallel
comparable compared compare linked attached joined tied wed differ differs different distinct distinguish distinguished
"""
"""Words before `to` or `from` that make its operands change places without another meaning."""

ASYMMETRIC: Final = (
    "from to into than before after minus by against onto towards until over under above below of in for on"
)
"""Words between two operands whose order does not, and does, matter."""

ANSWER_VERBS: Final = """
answer answers reply respond write explain describe summarize summarise say tell speak give output print generate
compose draft translate
"""
"""Verbs after which `in <language>` asks for the answer's language."""

JOINTS_APART: Final = [
    "before during",
    "after during",
    "before since",
    "before until",
    "after until",
    "since until",
    "from until",
    "by to",
    "by about",
    "to about",
    "via to",
    "via from",
    "into from",
    "in out",
    "in without",
    "by without",
    "on without",
    "for without",
    "for against",
    "same other",
    "me someone",
    "him her",
]
"""Two small words of which one in the other's place, in prompts that are otherwise the same, makes another one."""

CLAIMS: Final = """
return exchange claim file pay repay appeal dispute contest object respond reply report request cancel apply redeem
accept decide sue enroll renew
"""
"""What one has so long to do: how long one has to do it is no duration of it. Not: how long do I have to wait."""

HELD: Final[dict[str, str]] = {
    "office": (
        "president ceo cfo cto chairman chairwoman chairperson minister chancellor mayor governor senator secretary "
        "king queen monarch pope captain coach manager owner head leader ambassador speaker"
    ),
    "figure": "population price rate temperature weather salary balance currency score gdp budget",
    "standing": "planet country state colony member superpower democracy monarchy kingdom republic ally part capital",
}
"""What one is for a time (an office, a standing), and what changes (a figure): what was is another question than what
is."""

SORTS: Final = """
country state city river island planet element god band film song album book game language snake animal bird fruit
company device composer president
"""
"""What tells bearers of one name apart: Georgia the country, the state of Georgia. No two mean the same."""

MODALITIES: Final[dict[str, str]] = {
    "may": "can may allowed permitted possible able",
    "must": "must need needs mandatory compulsory obligatory required obliged necessary",
    "should": "should ought advisable recommended recommend wise worth",
    "legal": "legal illegal lawful unlawful",
    "safe": "safe unsafe dangerous risky",
    "polite": "rude polite impolite",
    "fine": "ok okay alright fine acceptable",
    "healthy": "healthy unhealthy",
}
"""What may be asked of an act, to the words that ask it; `have to` is among `must`."""

MODALITIES_APART: Final = [
    "may must",
    "may should",
    "may polite",
    "must legal",
    "must safe",
    "must polite",
    "must fine",
    "must healthy",
    "should legal",
    "legal safe",
    "legal polite",
    "legal healthy",
    "safe polite",
    "polite healthy",
]
"""Two of these are never one question, if yes or no answers it."""
