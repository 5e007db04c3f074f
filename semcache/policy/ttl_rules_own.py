"""TTL rules for what must not be kept and for what is one person's. Data; see `ttl_rules`."""

# ruff: noqa: E501  (a pattern is read as a whole)
from __future__ import annotations

from typing import Any, Final

from semcache.policy.ttl_rules_languages import OTHER_LANGUAGES

_words = str.split

CODE_CONTEXT: Final = (
    r"\b(?:function|code|script|program|algorithm|snippet|method|regex|query|class|loop|formula)\b"
    r"|\b(?:in|using|with) (?:python|javascript|js|typescript|java|c|c\+\+|c#|rust|golang|go|ruby|php|swift|kotlin|scala|r|"
    r"matlab|sql|mysql|postgres|postgresql|bash|powershell|excel|pandas|numpy|numpy|react|node|django|flask|linux|html|css)\b"
)
_HOW_TO: Final = (
    r"^(?:hi,? |hello,? |hey,? |so,? |please,? |and )?(?:how (?:do|can|could|should|would|does|to)\b(?! much| many)"
    r"|what (?:should|can|do|could) i do\b|where (?:can|do|should) i\b"
    r"|what (?:happens|is the (?:best |easiest |right )?(?:way|process|procedure))|is it (?:possible|safe|ok|okay|legal|normal)\b"
    r"|can i\b|could i\b|should i\b|may i\b|do i need\b|am i (?:able|allowed)\b|what are the (?:steps|requirements|ways)\b)"
)
_ADVICE: Final = r"\b(?:should|best|better|good|advice|tips?|mean|means|cause|causes|normal|safe|legal|possible|recommended|suppose|imagine)\b"
_STATE: Final = (
    r"balance|balances|order|orders|package|parcel|shipment|delivery|refund|refunds|payment|payments|bill|bills|invoice|"
    r"invoices|transaction|transactions|transfer|transfers|statement|account|accounts|subscription|plan|booking|bookings|"
    r"reservation|reservations|flight|flights|ticket|tickets|appointment|appointments|meeting|meetings|calendar|schedule|"
    r"agenda|reminder|reminders|alarm|alarms|todo|to-do|to do list|tasks|task list|list|lists|playlist|playlists|emails|email|inbox|messages|mail|"
    r"contacts|contact|notifications|card|cards|credit score|credit limit|limit|loan|mortgage|salary|paycheck|pay|pto|"
    r"vacation days|benefits|insurance|policy|claim|claims|grades|grade|score|results|test results|lab results|"
    r"prescription|prescriptions|medication|medications|points|rewards|miles|usage|data usage|spending|expenses|income|"
    r"portfolio|investments|history|purchases|purchase|cart|wishlist|timer|location|steps|heart rate|weight|health|"
    r"application|documents|files|photos|profile|data|settings|device|devices|lights|car|phone|order status|rent|taxes"
)

NEVER: Final[list[dict[str, Any]]] = [
    {
        "name": "secret",
        "class": "never",
        "sticky": True,
        "words": _words("<digit> @ private bearer password passwd pwd secret key apikey"),
        "patterns": [
            r"\b(?:password|passwd|passphrase|passcode|pin|pwd|secret|api[ _-]?key|access[ _-]?key|token|otp|cvv|cvc)"
            r"(?: code)?\s{0,3}(?:is|=|:|was)\s{0,3}[\"']?(?=[^\s\"']{0,40}\d)[^\s\"']{3,80}",
            r"\b(?:password|passwd|pwd|secret|api[ _-]?key)\s{0,3}[=:]\s{0,3}[\"'][^\s\"']{4,80}[\"']",
            r"\w{0,40}(?:secret|token|passwd|password|api_?key|access_?key)\w{0,30}\s?=\s?[\"']?(?=[^\s()]{0,60}\d)[^\s\"'()]{12}",
            r"\bsk-[a-z0-9_-]{16}|\bakia[0-9a-z]{16}\b|\bgh[pousr]_[a-z0-9]{20}|\bxox[bapr]-[a-z0-9]|-----begin [a-z ]{0,20}private key"
            r"|\beyj[a-z0-9_-]{10,200}\.[a-z0-9_-]{10}|\bbearer [a-z0-9._-]{20}|://[^\s/:@]{1,60}:[^\s/:@]{3,60}@",
            r"\b(?:verification|security|confirmation|login|one-time|2fa|sms) code (?:is|:) ?\d{4,8}\b",
        ],
    },
    {
        "name": "payment_number",
        "class": "never",
        "sticky": True,
        "words": _words("<digit>"),
        "patterns": [
            r"(?<![\d.-])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d))[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}(?![\d.])",
            r"(?<![\d.-])3[47]\d\d[ -]?\d{6}[ -]?\d{5}(?![\d.])",
            r"(?<![\d-])\d{3}-\d\d-\d{4}(?![\d-])",
            r"\b(?:ssn|social security(?: number)?)\b.{0,12}\d{3}[ -]?\d\d[ -]?\d{4}",
            r"\b[a-z]{2}\d\d ?(?:\d{4} ?){3,6}\d{0,4}\b",
        ],
    },
    {
        "name": "chance",
        "class": "never",
        "words": _words(
            """
            random randomly uuid guid coin dice die password passphrase nonce unique d20 d6 heads lottery surprise
            shuffle toss scissors otp token username raffle
            """
        ),
        "patterns": [
            r"\b(?:generate|give|pick|create|make|choose|draw|suggest|tell|produce|get|show|want|need|select|share|say|name|say|ask)\b.{0,30}"
            r"\brandom(?:ly)?\b(?! forest| variable| access| walk| effect| sampl| process| field| graph| error)",
            r"^(?:a |an |some |\d+ )?random (?:\w+ )?(?:number|numbers|word|words|name|names|fact|joke|quote|letter|color|colour|"
            r"card|movie|string|password|sentence|question|thing|topic|country|city|animal)\b",
            r"\b(?:flip|toss) (?:a|the|me a) coin|\bthrow (?:a|the|some|two) (?:die|dice|coin)|\bcoin (?:flip|toss)\b|\broll (?:a|the|some|two|three|\d+|me a) ?(?:dice|die|d\d+)|\brock,? paper,? scissors"
            r"|^surprise me\b|\bpick a (?:card|number|winner)|\blottery numbers|\brandomly (?:pick|choose|select)",
            r"\b(?:generate|give|create|make|suggest|produce|get|need|want|come up with)\b.{0,30}\b(?:uuid|guid|nonce|password|passphrase|otp"
            r"|unique (?:\w+ )?(?:id|identifier|key|code|token|number|string|username|name|serial)s?\b|secret key|api key|access token)",
            r"^shuffle\b|^heads or tails\b",
        ],
        "unless": [
            CODE_CONTEXT,
            r"^(?:how|why|what is the|what does|explain|what's)\b",
            r"\b(?:forgot\w*|reset\w*|chang\w+|recover\w*|retriev\w*|restor\w*|lost|updat\w*) (?:my |the |your |a )?password|\bpassword (?:recovery|reset|issue|problem)",
        ],
    },
    {
        "name": "once_more",
        "class": "never",
        "words": _words("another again more different else regenerate retry redo rewrite new next"),
        "patterns": [
            r"^(?:please |ok |okay |now |and |can you |could you |no,? )*(?:give|tell|show|write|make|suggest|try|generate|pick|do|say|send|create)?"
            r" ?(?:me |us )?(?:it |that |this )?(?:another|one more|a different|a new|a few more|some more|\d+ more|\w+ more|more|something)"
            r" ?(?:one|ones|joke|jokes|option|options|idea|ideas|version|answer|example|examples|riddle|story|poem|name|names|time|else|please|quote|fact"
            r"|suggestion|suggestions|way|variation|question)?(?: please| now| instead)?[.!? ]*$",
            r"^(?:please,? |no,? |nope,? |ok,? |okay,? |wrong,? |now |can you |could you )*(?:try|do|say|generate|regenerate|retry|redo|rewrite|repeat|tell me)"
            r"(?: it| that| this| the answer| your answer| the response)?(?: again| once more| differently){1,2}(?: please)?[.!? ]*$|^(?:regenerate|retry|redo)[.!? ]*$",
            r"^(?:say|do|try|tell) (?:it|that|this)(?: again)?(?:,? but)? (?:again|differently|another way)[.!? ]*$",
            r"^(?:again|next|next one|once more|new one|one more time)[.!? ]*$",
        ],
        "unless": [r"^(?:tell me|say that|say this|say it|do it|do this|do that|repeat)[.!? ]*$"],
    },
    {
        "name": "this_second",
        "class": "never",
        "words": _words("time clock seconds timestamp hour"),
        "patterns": [
            r"\bwhat(?:'s| is| was)? ?(?:the )?(?:exact |current |local |right )*time (?:is it|now|right now|currently|here)\b",
            r"\b(?:what's|what is|tell me|give me|show me|check|know) (?:the )?(?:exact |current |local )*time"
            r"(?: (?:now|right now|please|here|there|is it|it is|in [a-z ,]{2,40}))?[?.! ]*$",
            r"^(?:the )?(?:current|exact|local) time\b(?! complexity| series)",
            r"^time (?:now|in [a-z ]{2,30})[?.! ]*$",
            r"\bwhat hour is it\b|\bhow many (?:seconds|minutes) (?:until|till|are left|have passed|since)\b|\bcurrent (?:unix )?timestamp\b"
            r"|^do you have the time\b",
        ],
        "unless": [CODE_CONTEXT],
    },
]

PERSONAL: Final[list[dict[str, Any]]] = [
    {
        "name": "contact_data",
        "class": "personal",
        "sticky": True,
        "words": _words("<digit> @ my diagnosed"),
        "patterns": [
            r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}\.[a-z]{2,10}",
            r"(?<![\d.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d.])|(?<![\d.+])\+\d{1,3}[ -]?\d{2,4}[ -]?\d{3}[ -]?\d{3,4}\b",
            r"\b(?:order|tracking|ticket|booking|reservation|invoice|account|claim|policy|customer|member|membership|confirmation|employee|patient"
            r"|passport|license|user|transaction|case)\s{0,2}(?:id|no\.?|number|code|reference|ref)?\s{0,2}(?:is|:)?\s{0,2}#?\s?(?=[a-z0-9-]{0,6}\d{3})[a-z0-9-]{4,20}\b",
            r"\bmy (?:full |first |last |user)?name(?:'s| is)\b|\bmy (?:address|birthday|date of birth|dob|phone(?: number)?|number|id) is\b",
            r"(?<!like )\b(?:i am|i'm|im) (?:a |an )?\d{1,3}\b(?! ?(?:%|percent|miles|km|minutes|hours|dollars|steps|points|th\b))|\b(?:i am|i'm) diagnosed|\bi (?:was|have been|got) diagnosed",
        ],
    },
    {
        "name": "own_identity",
        "class": "personal",
        "words": _words("my i me i'm i've i'd mine am"),
        "patterns": [
            r"\bmy (?:own |home |full |current |real |middle |first |last |work |shipping |billing |email |mailing )*(?:name|age|birthday|address|phone number|email|number"
            r"|username|nickname|id|job|employer|boss|company|wife|husband|location|timezone|preferences|favorite \w+|anniversary)\b",
            r"\bwho am i\b|\bwhere am i\b|\bhow old am i\b|\bdo you (?:know|remember) (?:me|who i|what i|where i|my)\b"
            r"|\b(?:about|know|remember) me[?.! ]*$|\bwhat do you know about me\b|\bwhere did i\b|\bwhat do i (?:like|own|do for)\b",
        ],
        "unless": [
            _HOW_TO,
            r"^(?:write|draft|generate|create|suggest|help me|brainstorm|come up|give me|my (?:boss|husband|wife|company|job|employer))\b",
            r"\bmy (?:boss|husband|wife|company|employer|job) (?:is|has|does|said|says|won't|keeps|wants|told|and|who|doesn't|didn't|just|never|always|left|was)\b",
        ],
    },
    {
        "name": "own_state",
        "class": "personal",
        "words": _words("my our mine"),
        "patterns": [
            rf"\b(?:my|our) (?:[\w'-]+ ){{0,4}}(?:{_STATE})\b",
        ],
        "unless": [
            _HOW_TO,
            r"^(?:write|draft|generate|suggest|brainstorm|explain)\b",
            r"^(?:what (?:are|is) (?:the|a|some|good)\b.{0,30}\b(?:ways?|tips?|things?|reasons?|options?|causes?)\b|help me\b|i want to\b.{0,30}\bhow\b|why (?:won't|can't)\b)",
            r"^my (?:phone|car|device|laptop|computer)\b",
        ],
    },
    {
        "name": "own_how_much",
        "class": "personal",
        "words": _words("i i've we my"),
        "patterns": [
            r"\bhow (?:much|many|long|often|far)\b.{0,60}\b(?:do i (?:have|owe|spend|make|earn|pay|still)|did i|have i|am i (?:owed|paying)|i owe|i have left"
            r"|i've|in my|on my|left on my|until my|till my|have i got)\b",
            r"\b(?:what|when|where|which|who) (?:did|have) i (?:say|ask|order|buy|bought|spend|pay|eat|ordered|paid|spent|call|last|book|park|put|save|leave|left|asked|get)\b",
            r"\b(?:did|have) i (?:already |ever )?(?:pay|paid|receive|received|get|got|miss|missed|send|sent|order|ordered|book|booked|qualify|been (?:charged|approved|paid))\b",
            r"\bam i (?:eligible|approved|subscribed|registered|enrolled|scheduled|logged|due|late|free|busy|overdrawn|covered|still|meeting|insured|qualified)\b",
            r"\bdo (?:i|we) (?:have|owe|still have|currently have) (?:any|a|an|\w+ )?.{0,30}\b(?:meetings?|appointments?|messages?|emails?|reminders?|alarms?|events?|bills?"
            r"|orders?|flights?|tasks?|payments?|money|plans|fees?|points|deliveries|packages?|subscriptions?|bookings?|reservations?|vacation|pto|notifications?|scheduled)\b",
            r"\bwhen (?:is|was|does|do|will|are|did|should) (?:my|i (?:get paid|next|last|expect))\b|\bwhere do i (?:live|work|park|bank|study|go to school)\b",
            r"^do i (?!need|have to|look|sound|really|just|want|always)(?:\w+ )",
            r"\b(?:the|all|any|which|what|every|those) [\w ]{1,30} i (?:took|sent|saved|bought|ordered|wrote|made|uploaded|received|watched|downloaded|shared|booked|paid|missed|asked|listened|visited|own|subscribed|recorded|cancelled|played)\b",
            r"\bwhat(?:'s| is| are) (?:on )?my\b",
            r"\b(?:was|were|been) i (?:charged|billed|declined|paid)\b|\bwhy (?:was|were|am|have|did|has|is|are) (?:i|my)\b.{0,40}\b(?:charged|billed|declined|fee|blocked|rejected|denied|locked|suspended|cancelled|canceled)\b",
        ],
        "unless": [
            r"\bwhat(?:'s| is| are) my (?:options|rights|chances|best)\b.{0,40}\bif\b",
            r"\b(?:suppose|imagine|if i (?:have|had|buy|start with)|i (?:have|had|bought|own) \d+)\b",
        ],
    },
    {
        "name": "own_anything",
        "class": "personal",
        "words": _words("my mine our me i we home work"),
        "patterns": [
            r"^(?:and |so |hey,? |hi,? |please |can you |could you )*(?:what(?:'s| is| are| was| were)|when|where|which|who|how (?:much|many|long|is|are|was|were)|how's|is|are|did|was|were|has|have|show|list|check|read|open|tell me|summari[sz]e|any|play)\b.{0,40}\bmy\b",
            r"^(?:did|have|was|am|were) (?:i|we)\b|\bwhat (?:did|were|have|was) we (?:talk|discuss|say|agree|decide|do)\w*\b|\b(?:directions|route|way|drive|navigate|traffic|commute|get|take me) (?:to |back )?(?:home|work)\b(?! (?:from home|schedule|life))|\b(?:what|which) [\w ]{1,30} (?:am|was|did|have) i\b|\bhow am i doing\b",
            r"\b(?:called|calling|texted|emailed|messaged|replied to|written to|invited|owes?|owe) me\b|\b(?:messages?|emails?|calls?|mail|news|reminders?|notifications?) for me\b",
        ],
        "unless": [_HOW_TO, _ADVICE, r"\bif\b", r"^(?:am|was) i the only\b"],
    },
    {
        "name": "act_for_me",
        "class": "personal",
        "hints": _words("based given considering according track tracking status update where"),
        "patterns": [
            r"^(?:please |can you |could you |hey,? |ok,? |would you |i'd like to |i want to |i need to |i would like to )*(?:remind me|wake me|book (?:me|a|an|the|two)|reserve (?:me|a|an)"
            r"|order (?:me|a|some|an)|call (?:me|my|mom|dad)|text my|email my|message my|send (?:an? )?(?:email|text|message|money|\$)"
            r"|transfer (?:\$|money|\d|funds)|pay (?:my|the|\$)|cancel (?:my|the|order|all)|schedule (?:a|an|my|me|the) |set (?:an?|my|the) (?:alarm|reminder|timer)"
            r"|add .{1,60} to (?:my|the) |remove .{1,60} from my |delete (?:my|the|all)|update my|change my|track (?:my|order|package|the)|show (?:me )?my|check my|read (?:me )?my"
            r"|list my|find my|freeze my|block my|activate my|lock my|unlock my|refund my|turn (?:on|off) my|recommend (?:me|something)\b.{0,60}\b(?:i like|i've|my|history))",
            r"\b(?:based on|given|considering|according to) (?:my|what i|what you know about me)\b",
            r"\b(?:track(?:ing)?|status of|update on) (?:the |an? |this )?(?:order|package|parcel|refund|shipment|delivery|claim|application|ticket)\b",
            r"\b(?:order|delivery|shipping|refund|application|claim) status\b|\bwhere(?:'s| is) (?:my|the) (?:order|package|parcel|delivery|refund|driver|courier|food|stuff)\b",
            r"^(?:please |can you |could you )*(?:text|call|dial|ring|message|whatsapp|facetime) [a-z]+(?: [a-z]+)? (?:that|to say|saying|and (?:say|tell|ask)|to tell|about)\b|^(?:please )?(?:call|dial|facetime) (?:mom|mum|dad|my|grandma|\w+ back|\w+ now)\b|^(?:please )?(?:e-?mail|forward|send) (?:the|this|that|it|these|an?) .{1,60} to \w",
            r"^(?:account |card |checking |savings )?balance\b[?.! ]*$",
        ],
        "unless": [
            r"^(?:how (?:do|can|to|should)|where can|what is the (?:way|process)|can i\b|is it possible|what does)\b"
        ],
    },
    {
        "name": "own_affairs",
        "class": "personal",
        "words": _words(
            """
            me my balance ending payment refund transfer order parcel package delivery shipment appointment booking
            reservation invoice deposit prescription we email emails message messages mail voicemail
            """
        ),
        "hints": _words(
            "vacation holiday leave sick pto credit credits point points seat seats license licenses licence licences budget invoice invoices "
            "order orders card account"
        ),
        "patterns": [
            r"^(?:did|have|has) (?:you|they|he|she|it|anyone|anybody|someone|somebody) (?!know\b|ever\b|seen\b|heard\b).{0,50}\bme\b",
            r"^what (?:did|has|have) my\b",
            r"^(?:please |can you |could you )*(?:translate|summari[sz]e|reply to|answer|forward|read|open|show|play|delete) (?:me )?(?:my|the) (?:last|latest|newest|new|unread|previous) (?:\w+ )?(?:e-?mails?|messages?|mail|voicemails?)\b",
            r"\bhow (?:much|many) (?:vacation|holiday|leave|sick|pto|credits?|points|seats?|licen[cs]es?|budget|invoices?|orders?) (?:days |hours )?(?:do|did) we\b",
            r"^(?:please )?(?:(?:check|show|see|view|get|give|tell|display|what's the|what is the)(?: me)?(?: the)? )?(?:current |available |remaining |account |card |bank |checking |savings )*balance(?: please| now| inquiry| enquiry)*[?.! ]*$",
            r"\b(?:card|account) (?:that ends|ending|which ends) (?:in |with |on )?\d{2,6}\b",
            r"^(?:did|has|have|was|were|is|are|when (?:did|will|is|was)) (?:the|that|this) (?:\w+ )?(?:payments?|refund|transfer|order|parcel|package|delivery|shipment|appointment|booking|reservation|invoice|deposit|prescription)"
            r" (?:still |already |yet |now |been |being )*(?:arriv\w+|(?:go|goes|gone|went|come|came) (?:through|in)\b|confirmed|shipped|sent|processed|paid|delivered|approved|cleared|cancell?ed|received|booked|dispatched|scheduled|rescheduled|declined|on (?:its|the) way)",
        ],
        "unless": [_ADVICE, r"\bif\b"],
    },
    {
        "name": "where_i_am",
        "class": "personal",
        "words": _words("near nearby nearest closest here area local neighborhood my around close"),
        "patterns": [
            r"\bnear(?:by)? (?:me|here|us|my)\b|\bnearby\b|\bclose (?:to|by) (?:me|here|us)\b|\baround (?:here|me)\b|\bin my (?:area|city|town|country|state|neighborhood"
            r"|neighbourhood|region|zip code|county|village|street)\b|\blocal (?:weather|news|restaurants?|stores?|events?|time|stores|shops)\b",
            r"^(?:the )?(?:nearest|closest)\b(?!.{0,40}\b(?:to|in|of) )",
            r"^(?:where(?:'s| is| are)|find|show me|what(?:'s| is)|directions to|take me to|how far is|get me to) (?:me )?(?:the )?(?:nearest|closest)\b(?!.{0,40}\b(?:to|in|of) )",
        ],
    },
    *OTHER_LANGUAGES,
]
