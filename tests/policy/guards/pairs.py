"""Pairs of prompts for every guard: what it must veto, what it must not veto, and what it must not mention."""

from __future__ import annotations

from typing import Final

VETO: Final[dict[str, list[tuple[str, str]]]] = {
    "number": [
        ("List 15 facts about bees", "List 50 facts about bees"),
        ("what is 1.5 squared", "what is 15 squared"),
        ("how do I dress for -5", "how do I dress for 5"),
        ("give me three reasons to learn chess", "give me five reasons to learn chess"),
        ("who was the second president of Chile", "who was the third president of Chile"),
        ("chapter 3 of the handbook, please", "could you show chapter 4 of the handbook"),
        ("twenty one questions for a first date", "22 questions for a first date"),
        ("is 1,000 calls a day a lot", "is 10,000 calls a day a lot"),
        ("a room for 2 adults and 2 children", "a room for 2 adults and 3 children"),
    ],
    "amount": [
        ("how long does a 5 km run take", "how long does a 5 mile run take"),
        ("send $10 to my landlord", "send €10 to my landlord"),
        ("send $10 to my landlord", "send $100 to my landlord"),
        ("is 20 mg of this safe", "is 20 g of this safe"),
        ("boil eggs for 5 minutes", "boil eggs for 5 hours"),
        ("what is a 20% tip on this", "what is a 15 percent tip on this"),
        ("sleep after 3 days of flu", "sleep after 3 weeks of flu"),
    ],
    "date": [
        ("what happened on Jan 5 in Rome", "what happened on Jan 6 in Rome"),
        ("what happened on March 5", "what happened on May 5"),
        ("is the museum open on Monday", "is the museum open on Tuesday"),
        ("will it rain today in my town", "will it rain tomorrow in my town"),
        ("set an alarm for 7am", "set an alarm for 7pm"),
        ("set an alarm for 7:15", "set an alarm for 7:45"),
        ("best films of 2019", "best films of 2020"),
        ("sales report for last week", "sales report for next week"),
        ("what happened on 2024-03-01", "what happened on 2024-04-01"),
    ],
    "identifier": [
        ("where is order 48211", "where is order 48212"),
        ("status of ticket AB-1234567", "status of ticket AB-1234568"),
        ("track parcel 1Z999AA1", "track parcel 1Z999AA2"),
        ("call 5550100200 for me", "call 5550100300 for me"),
    ],
    "version": [
        ("what is new in python 3.10", "what is new in python 3.1"),
        ("upgrade to 2.4.1", "upgrade to 2.4.2"),
        ("is v1.2 stable", "is v1.3 stable"),
    ],
    "link": [
        ("summarise https://example.com/a", "summarise https://example.com/b"),
        ("write to ann@example.com", "write to bob@example.com"),
        ("what is in /etc/hosts", "what is in /etc/passwd"),
        ("open report.pdf", "open invoice.pdf"),
    ],
    "quote": [
        ('translate "good night" for me', 'translate "good morning" for me'),
        ("what does 'break a leg' mean", "what does 'spill the beans' mean"),
    ],
    "code": [
        ("what does a == b do in this language", "what does a != b do in this language"),
        ("what is 5 + 3", "what is 5 * 3"),
        ("what does parse_header do", "what does write_footer do"),
    ],
    "negation": [
        ("why is my screen turning on", "why isn't my screen turning on"),
        ("foods with gluten", "foods without gluten"),
        ("should I water a cactus daily", "should I not water a cactus daily"),
        ("people who drink milk", "people who never drink milk"),
        ("is this plant edible", "is this plant inedible"),
    ],
    "antonym": [
        ("how do I enable 2FA", "how do I disable 2FA"),
        ("how to turn the heating on", "how to turn the heating off"),
        ("should I buy shares of a bank", "should I sell shares of a bank"),
        ("encrypting a folder", "decrypting a folder"),
        ("can I increase my limit online", "can I decrease my limit online"),
        ("what are the advantages of remote work", "what are the disadvantages of remote work"),
        ("cheapest phone with a good camera", "most expensive phone with a good camera"),
        ("what is the tallest tower", "what is the shortest tower"),
        ("become more patient with children", "become less patient with children"),
    ],
    "entity": [
        ("What is the capital of France?", "What is the capital of Spain?"),
        ("weather in maryland", "weather in texas"),
        ("is google hiring", "is microsoft hiring"),
        ("Who is the brother of Anna Kowalska?", "Who is the brother of Olga Petrovna?"),
        ("sort a list in python", "sort a list in java"),
        ("pointers in C", "pointers in C++"),
        ("is Iran in OPEC", "is Iraq in OPEC"),
        ("can my dog eat rice", "can my cat eat rice"),
    ],
    "direction": [
        ("flights from Boston to Denver", "flights from Denver to Boston"),
        ("convert celsius to fahrenheit", "convert fahrenheit to celsius"),
        ("what is eight minus three", "what is three minus eight"),
        ("is tea better than coffee", "is coffee better than tea"),
        ("what to eat before a run", "what to eat after a run"),
        ("does Anna trust Maria", "is Anna trusted by Maria"),
        ("trains from Lyon", "trains to Lyon"),
    ],
    "quantifier": [
        ("a phone with at least 8 cores", "a phone with at most 8 cores"),
        ("laptops over $500", "laptops under $500"),
        ("do all birds fly", "do some birds fly"),
        ("do most birds fly", "do all birds fly"),
    ],
    "scope": [
        ("how do I reset my password", "how do I reset my colleague's password"),
        ("discounts for students", "discounts for teachers"),
        ("how do I renew my wife's passport", "how do I renew my son's passport"),
        ("exercises for beginners", "exercises for experts"),
    ],
    "question": [
        ("why do cats purr", "how do cats purr"),
        ("when was the bridge built", "where was the bridge built"),
        ("who opened the bridge", "when was the bridge opened"),
        ("how long is the river", "how old is the river"),
    ],
    "language": [
        ("wie kann ich mein Passwort ändern und was ist das", "how can I change my password and what is that"),
        ("answer in French: what is entropy", "answer in German: what is entropy"),
        ("explain entropy", "explain entropy in Spanish"),
        ("translate the menu to Italian", "translate the menu to Polish"),
        ("как поменять пароль", "how to change a password"),
    ],
}
"""By guard: differences that are certain to matter."""

SAME: Final[list[tuple[str, str]]] = [
    ("is 1,000 a lot", "Is 1000 a lot?"),
    ("two eggs a day", "2 eggs a day"),
    ("is 5 the same as 5.0", "is 5 the same as 5"),
    ("one thousand words", "1000 words"),
    ("a salary of 50k", "a salary of 50,000"),
    ("3 million people", "3,000,000 people"),
    ("how long is 1000 m", "how long is 1 km"),
    ("sleep for 60 minutes", "sleep for 1 hour"),
    ("sleep for 30 minutes", "sleep for half an hour"),
    ("pay $10", "pay USD 10"),
    ("pay $10", "pay 10 dollars"),
    ("pay 10 pounds", "pay £10"),
    ("the 500 rupee note", "the 500 note"),
    ("a 20% share", "a 20 percent share"),
    ("my 3-year-old son", "my son is 3 years old"),
    ("meet on Jan 5", "meet on January 5th"),
    ("meet on the 5th of January", "meet on January 5"),
    ("meet at 3pm", "meet at 15:00"),
    ("meet at 3 pm", "meet at 3:00 p.m."),
    ("meet at noon", "meet at 12:00"),
    ("what happened on 2020-01-05", "what happened on January 5, 2020"),
    ("the 2nd chapter", "the second chapter"),
    ("python 3.0", "python 3"),
    ("is gpt4 good", "is gpt-4 good"),
    ("A1C levels", "am1c levels"),
    ("vitamin B12 shots", "vitamin B 12 shots"),
    ("https://www.example.com/a/", "http://example.com/a"),
    ('what does "entropy" mean', "what does entropy mean"),
    ("what is `a == b`", "what is `a == b`?"),
    ("I don't know how to cook rice", "how to cook rice"),
    ("it is not impossible to win", "it is possible to win"),
    ("why won't my phone charge", "why does my phone not charge"),
    ("is tea better than coffee", "is coffee worse than tea"),
    ("is New York big", "is NYC big"),
    ("Who is the president of the USA?", "who is the president of the united states"),
    ("who invented the telephone", "who invented the telephnoe"),
    ("what is the captial of france", "what is the capital of France"),
    ("Is an Indian visa expensive?", "is a visa for India expensive"),
    ("difference between tea and coffee", "difference between coffee and tea"),
    ("is Anna married to Bob", "is Bob married to Anna"),
    ("tea vs coffee", "coffee vs tea"),
    ("What should I do before I marry?", "Before I marry, what should I do?"),
    ("how to learn chess", "What is the best way to learn chess?"),
    ("which films are the least expensive", "which films are the cheapest"),
    ("WHAT IS ENTROPY", "what is entropy?"),
    ("Please tell me what entropy is, thank you", "what is entropy"),
    ("Hi! Could you kindly explain recursion?", "explain recursion"),
    ("a list of 3 or more items", "a list of more than 2 items"),
    ("how tall is mt fuji", "what is the height of mt fuji"),
]
"""One answer serves both: nothing may be vetoed."""

SILENT: Final[list[tuple[str, str]]] = [
    ("is 1,000 a lot", "is 1000 a lot"),
    ("pay $10 on Jan 5", "pay USD 10 on January 5th"),
    ("Enable and disable 2FA", "disable and enable 2fa"),
    ("a run of 5 km", "A run of 5000 m?"),
    ("is new york big", "Is NYC big?"),
    ("can't I open it", "can not I open it"),
    ("“quoted” words’ end", '"quoted" words\' end'),
    ("what is the U.S. debt", "what is the US debt"),
    ("", ""),
    ("??", "!"),
]
"""Nothing may be said at all."""

DOUBT: Final[list[tuple[str, str, str]]] = [
    ("number", "top 10 castles", "top castles"),
    ("date", "best phones in 2020", "best phones"),
    ("version", "is python 3 fast", "is python 3.10 fast"),
    ("amount", "is about 99 kg too much", "is 100 kg too much"),
    ("negation", "Can't I return opened items?", "Can I return opened items?"),
    ("antonym", "how do I enable the alarm in my flat at night", "steps for muting and disabling sirens of a house"),
    ("entity", "Is Kowalski the best author of thrillers", "is there a good author of thrillers"),
    ("quantifier", "do only adults pay", "do adults pay"),
    ("scope", "discounts for students", "discounts"),
    ("question", "how do I reach the top", "can I reach the top"),
]
"""Guard and a pair that it doubts: a difference that may matter."""

OTHER_LANGUAGES: Final[list[tuple[str, str, str]]] = [
    ("number", "wie viel kosten 15 Äpfel und was ist das", "wie viel kosten 50 Äpfel und was ist das"),
    ("number", "一个人要喝 15 杯水吗", "一个人要喝 50 杯水吗"),
    ("link", "résumez https://example.com/a pour moi", "résumez https://example.com/b pour moi"),
    ("quote", '翻译 "good night" 这句话', '翻译 "bad luck" 这句话'),
    ("code", "что делает `f(x)` и a == b", "что делает `f(x)` и a != b"),
]
"""Guard and a pair in another language than English that it vetoes all the same."""

FOREIGN_SAME: Final[list[tuple[str, str]]] = [
    ("wie kann ich das nicht mehr sehen und was ist das", "wie kann ich das sehen und was ist das"),
    ("как поменять пароль", "как изменить пароль"),
    ("怎么修改密码", "如何修改密码"),
]
"""No English rule may speak of other languages."""
