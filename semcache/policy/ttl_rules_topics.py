"""TTL rules by what a prompt is about: what ages, code, small talk, lasting facts. Data; see `ttl_rules`."""

# ruff: noqa: E501  (a pattern is read as a whole)
from __future__ import annotations

from typing import Any, Final

from semcache.policy.ttl_rules_own import CODE_CONTEXT

_words = str.split

TIME_SENSITIVE: Final[list[dict[str, Any]]] = [
    {
        "name": "day_words",
        "class": "time_sensitive",
        "words": _words(
            """
            today today's tonight tonight's tomorrow tomorrow's yesterday yesterday's currently latest newest
            breaking upcoming recent recently nowadays lately trending forecast heute morgen gestern jetzt
            aktuell aktuelle aktuellen aujourd'hui demain hier maintenant actuellement hoy mañana ayer ahora
            oggi domani adesso hoje amanhã agora dzisiaj dziś jutro teraz vandaag wetter météo clima meteo
            pogoda сегодня завтра сейчас погода idag
            """
        ),
        "unless": [
            r"\b(?:in today's (?:world|society|age|economy)|world today|society today|today's (?:world|society|youth))\b",
            r"\b(?:get|print|format|compute|calculate|insert|return|find|filter|parse|store|convert)\b.{0,40}\b(?:today|tomorrow|yesterday|latest|recent|newest)\b.{0,60}"
            + CODE_CONTEXT,
            r"\bdef \w{1,60}\(|\bselect\b.{1,80}\bfrom\b",
        ],
    },
    {
        "name": "this_period",
        "class": "time_sensitive",
        "words": _words(
            """
            this last next coming past right moment now days date far yet still anymore current live day present
            right
            """
        ),
        "patterns": [
            r"\b(?:this|next|last|coming|past|current) (?:\w+ )?(?:week|weekend|month|year|morning|afternoon|evening|night|season|quarter|semester|summer|winter|spring|fall|monday|tuesday|wednesday"
            r"|thursday|friday|saturday|sunday|january|february|march|april|june|july|august|september|october|november|december|christmas|holiday|election|game|match|hour)\b",
            r"\b(?:right now|at the moment|at present|these days|as of now|so far this|up to date|up-to-date|just now|by now|until now|now open|open now|on now|now\?|now$|happening now)",
            r"\bcurrent (?!flow|through|density|in (?:a|the) (?:circuit|wire)|divider|voltage|source\b|account|directory|row|working|node|user|thread|element|index|branch|process|file|line)[a-z]",
            r"\bwhat (?:day|date|month|year|season) is (?:it|today|this)\b|\b(?:what is|what's) the (?:date|day)\b|\bdate today\b",
            r"\bis (?!it |this |that |there )(?:\w+ ){1,4}still (?:alive|open|married|available|working|running|in|the|on|going|together|a|playing|president)\b|\bis still alive\b",
            r"\b(?:when|what|where|who)(?:'s| is| are| does| do| will) (?:the |a )?(?:\w+ ){0,3}next\b(?! step| to\b| in (?:line|the sequence))",
        ],
        "unless": [
            CODE_CONTEXT,
            r"\b(?:electric|electrical|alternating|direct|ocean|sinusoidal) current\b",
        ],
    },
    {
        "name": "weather",
        "class": "time_sensitive",
        "words": _words(
            """
            weather raining snowing rain snow sunny temperature humidity windy umbrella uv pollen air hot cold
            hurricane sunset sunrise
            """
        ),
        "patterns": [
            r"\b(?:what(?:'s| is)|how(?:'s| is)|check|tell me|show me|get|give me) (?:me )?(?:the )?(?:\w+ )?(?:weather|temperature|humidity|air quality|forecast|uv index|pollen)\b"
            r"(?!.{0,30}\b(?:sun's|sun|of the sun|surface|boil|melt|body|like in (?:january|february|march|april|may|june|july|august|september|october|november|december)|mars|venus|water|oven|lava|core)\b)"
            r"(?! (?:of|difference|scale|vs|and climate|balloon|vane|front|gradient|dependence))",
            r"^weather\b|\bweather (?:in|for|at|like|report|update|outside)\b(?!.{0,20}\b(?:mars|jupiter|venus|saturn|titan)\b)",
            r"\b(?:is|will) it (?:going to |gonna |be )*(?:rain|snow|raining|snowing|sunny|hot|cold|windy|cloudy|warm|freezing|storm)\b(?!.{0,30}\b(?:on|on planet) (?:mars|venus|jupiter|titan))",
            r"\bdo i need (?:an umbrella|a coat|a jacket)\b|\bhow (?:hot|cold|warm) is it\b|\bwhat time (?:is|does the) (?:sunset|sunrise|sun)\b|\bhurricane (?:update|track|status)",
        ],
        "unless": [CODE_CONTEXT],
    },
    {
        "name": "market",
        "class": "time_sensitive",
        "words": _words(
            """
            price prices stock stocks bitcoin btc eth ethereum crypto exchange rate rates worth nasdaq dow 500
            gold oil gas dollar dollars euro euros yen usd eur inr gbp rupees pounds shares market mortgage
            interest dogecoin inflation unemployment trading
            """
        ),
        "patterns": [
            r"\b(?:price|prices) (?:of|for|in|on|per)\b|\b(?:stock|share|gas|gold|oil|silver|bitcoin|btc|crypto|house|home|iphone|ticket|petrol|diesel|fuel|market|tesla|apple|ether|ethereum) prices?\b|\bhow(?:'s| is| are) (?:the )?(?:\w+ ){0,3}(?:stocks?|market|shares|doing)\b",
            r"\b\w{2,20} price[?.! ]*$|^price\b",
            r"\b(?:exchange|conversion|currency|mortgage|interest|inflation|unemployment|fed funds|federal funds) rates?\b(?!.{0,30}\b(?:mean|work|defin|affect|formula|determin|parity))",
            r"\bhow much (?:is|are|does|do) (?:\w+ ){0,5}(?:worth|cost|selling|trading|going for|bitcoin|btc|gold|gas|ethereum|silver|stock)\b(?!.{0,60}\bto (?:build|make|run|start|raise|have|get|own))",
            r"\b(?:convert )?[\d.,]* ?(?:usd|us dollars?|dollars?|eur|euros?|gbp|yen|inr|rupees|pesos|yuan|cad|aud|chf) (?:to|in|into|equals?) (?:usd|us dollars?|dollars?|eur|euros?|gbp|pounds|yen|inr|rupees|pesos|yuan|cad|aud|chf)\b",
            r"\b(?:tesla|apple|amazon|google|microsoft|nvidia|meta|netflix|\w+) stock\b(?! (?:market crash|exchange|broth|photo|up on|pot|option|split|character))|\bshould i (?:buy|sell|invest)\b.{0,40}\b(?:stock|stocks|shares|bitcoin|crypto|gold|now|etf)\b",
            r"\b(?:net worth|market cap)\b|\b(?:dollars?|euros?|pounds?|pesos?|yen|rupees?|yuan|ruble|francs?|krona|lira) (?:is |are )?worth\b|\b(?:dow jones|nasdaq|s&p 500|ftse|nikkei)\b",
        ],
        "unless": [
            r"\b(?:price|prices) (?:elasticity|ceiling|floor|discrimination|theory|mechanism)\b|\bhow (?:do|does|did|are) (?:stocks?|the stock market|exchange rates?|interest rates?|bitcoin|options|crypto)\b.{0,20}\b(?:work|function)",
            r"\b(?:in|of|during) (?:1[0-9]\d\d|200\d|201\d)\b",
        ],
    },
    {
        "name": "news_and_scores",
        "class": "time_sensitive",
        "words": _words(
            """
            yet live leading top sale delays sold theaters theatres cinemas cinema canceled cancelled
            news headlines score scores playing winning standings won election elections polls traffic outage
            down delayed status happening happened showtimes showing schedule fixtures stock release released
            come coming events update updates covid cases open closed available game
            """
        ),
        "patterns": [
            r"^(?:\w+ ){0,4}news\b(?!paper)|\bnews (?:about|on|in|from|for|update|headlines)\b|\bheadlines\b|\bthe news\b",
            r"\b(?:score|scores) (?:of|for|in)\b.{0,40}\b(?:game|match|final|vs|versus)?|\bwhat(?:'s| is| was) the (?:final )?score\b|\b(?:game|match|nba|nfl|mlb|nhl|cricket|football|soccer) scores?\b|\bstandings\b|\bwho(?:'s| is) (?:winning|playing|leading|ahead|pitching|starting)\b",
            r"\blive (?:score|scores|updates?|results|stream)\b|\b(?:leading|top of) the (?:\w+ ){0,2}(?:league|table|standings|polls|race|tournament|championship|group)\b|\b(?:has|have) .{2,60}\b(?:been released|come out|started|ended|arrived|launched|dropped|aired|opened) yet\b|\byet[?.! ]*$",
            r"\b(?:traffic|delays?) (?:on|in|to|near|like)\b|\bhow(?:'s| is) (?:the )?traffic\b|\b(?:is|are) (?:\w+ ){1,3}(?:down|delayed|offline|out)(?: for everyone| right now)?[?.! ]*$|\b(?:flight|train|server|system|service) (?:status|delays?)\b|\boutage\b",
            r"\bwho won (?!(?:world war|the (?:\w+ )?(?:civil war|war|battle|cold war|revolution)))",
            r"\bwhat(?:'s| is) (?:happening|going on|new|trending|on tv|playing)\b|\bwhat happened (?:in|to|with|at) (?:the news|the market|ukraine|the game)\b|\bshowtimes\b|\bnow showing\b|\bin (?:theaters|theatres|cinemas|the cinema)\b|\b(?:flights?|trains?|bus|buses) .{0,30}\b(?:delayed|cancelled|canceled)\b|\bfixtures\b",
            r"\bwhen (?:is|does|will|do|are) .{1,60}\b(?:come out|coming out|released?|release|premiere|air|launch|start selling|go on sale)\b|\brelease date\b",
            r"\b(?:is|are) .{1,40}\b(?:open|closed|available|in stock|sold out)(?: on \w+)?[?.! ]*$|\bcovid (?:cases|numbers|deaths)\b|\bevents in\b",
        ],
        "unless": [
            r"\b(?:1[0-9]\d\d|200\d|201\d)\b",
            r"\bsource\b.{0,10}\bsoftware\b|\bopen source\b|\bis (?:the )?(?:set|interval|function|shop class)\b.{0,20}\bopen\b|\bcredit score\b",
            CODE_CONTEXT,
        ],
    },
    {
        "name": "holder_of_office",
        "class": "time_sensitive",
        "words": _words(
            """
            president minister ceo cfo cto king queen governor mayor chancellor pope champion champions coach
            captain chairman owner owns richest senator secretary speaker leader monarch manager quarterback
            emperor chief head director host prince premier wealthiest ranked record congressman
            """
        ),
        "patterns": [
            r"\bwho(?:'s| is| are|s) (?:the |our |your )?(?:\w+ ){0,4}(?:president|prime minister|minister|ceo|cfo|cto|king|queen|governor|mayor|chancellor|pope|champions?|coach|captain|chairman|owner|richest|senators?"
            r"|secretary|speaker|leader|monarch|manager|quarterback|emperor|chief|head|director of (?:the )?(?:fbi|cia|nasa)|host|premier|wealthiest|number one|record holder|congressman)\b",
            r"\bwho (?:owns|runs|leads|holds the)\b|\b(?:richest|wealthiest) (?:person|man|woman|people|company|country)\b|\b(?:president|prime minister|ceo|mayor|governor|king|queen) of \w+( \w+)?[?.! ]*$|\bhow many (?:ceos|senators|employees)\b",
            r"\bworld record\b|\branked (?:number|no|#|first)\b",
        ],
        "unless": [
            r"\b(?:first|second|third|fourth|fifth|\d+(?:st|nd|rd|th)|last|former|during|when|in (?:1\d\d\d|20[01]\d)|was|were|the lion king)\b"
        ],
    },
    {
        "name": "chinese_time",
        "class": "time_sensitive",
        "words": ["<non-ascii>"],
        "patterns": [
            r"今天|今日|明天|昨天|现在|目前|最新|最近|天气|股价|汇率|今年|这周|本周|下周|几点|实时|新闻|今日は|明日|天気|오늘|내일|지금|날씨"
        ],
    },
]

CODE: Final[list[dict[str, Any]]] = [
    {
        "name": "code_text",
        "class": "code",
        "words": _words("<code> select"),
        "patterns": [
            r"```|</\w+>|\bdef \w{1,60}\(|#include ?<|\bpublic static\b|\bconsole\.log\b|\bselect\b.{1,120}\bfrom \w|=>|\bimport \w+(?: as \w+)?\n|\bfunction ?\w{0,60}\(|\breturn \w{1,60};"
            r"|\bstd::|\bprintf?\(|traceback \(most recent|\b\w{2,40}(?:error|exception)\b:|\bsegmentation fault\b|\bnull ?pointer|[\w)]\s?\{\s?\n|;\n.{0,200};\n",
        ],
    },
    {
        "name": "code_words",
        "class": "code",
        "words": _words(
            """
            python python3 javascript typescript golang kotlin php sql mysql postgresql postgres sqlite mongodb
            redis html css bash powershell regex regexp numpy pandas pytorch tensorflow keras matplotlib django
            flask fastapi reactjs nodejs nextjs vuejs angular jquery typescript docker dockerfile kubernetes
            kubectl terraform ansible git github gitlab npm pip webpack json yaml xml csv api apis graphql
            endpoint leetcode vba latex verilog vhdl matlab haskell perl scala lua cobol fortran assembly opencv
            selenium compiler stackoverflow recursion recursive backend frontend dataframe hashmap refactor
            debug debugging codebase syntax async mutex pointer pointers kwargs arraylist javafx java jvm linux
            ubuntu ssh nginx vim excel cmake makefile programming coding chmod grep sed awk crontab oop asp
            dotnet unity3d solidity arduino raspberry websocket oauth jwt http https css3 html5 jsx stdin
            """
        ),
        "unless": [
            r"^(?:who|when|what year|which company|where)\b.{0,60}\b(?:created|invented|founded|made|developed|released|released|wrote)\b",
            r"^(?:is|are|was) (?:python|pythons|java)\b.{0,40}\b(?:island|snake|venomous|coffee|monty)\b",
            r"\bmonty python\b|\bisland of java\b|\bassembly (?:line|hall)\b|\bgeneral assembly\b|\bexcel (?:in|at)\b|\b(?:should|which|best|learn|career|jobs?|salary|future)\b.{0,60}\b(?:programming|coding|language|languages)\b(?!.{0,80}\b(?:code|function)\b)",
        ],
    },
    {
        "name": "code_phrases",
        "class": "code",
        "hints": _words(
            """
            c f rust swift go ruby r java react node vue dart flutter julia spark code function script program algorithm
            class method unit query snippet app website web component regex stack source pull merge commit commits rest
            loop loops linked binary hash complexity complexitys big data command environment dev devops devopss rebase
            rebases virtual primary foreign object machine error compile syntax type runtime dynamic design dependency
            garbage race memory next sort reverse iterate parse serialize concatenate append
            """
        ),
        "patterns": [
            r"\bc\+\+|\bc#|\bf#|\b(?:in|using|with) (?:rust|swift|go|ruby|r|c|java|react|node|vue|dart|flutter|julia|spark)\b(?! (?:to|and then|with a))[ ?.,:!]*(?:$|[?.,:]| (?:how|i|using|that|which|code|to (?:sort|read|parse|print)))",
            r"\b(?:write|create|implement|fix|debug|refactor|optimi[sz]e|review|give me|explain|show me|generate|develop|build)\b.{0,40}\b(?:code|function|script|program|algorithm|class|method|unit tests?|query|snippet|app|website|web page|component|regex)\b(?! (?:of (?:conduct|law|ethics)))",
            r"\b(?:stack trace|source code|code review|pull request|merge conflict|(?:undo|revert|amend|squash|push|pushed) (?:a |the |my |that |this |last )?commit|rest api|unit test|for loop|while loop|linked list|binary (?:search|tree)|hash (?:map|table)|time complexity|big o|data structure|command line|environment variable|dev ?ops|rebase|virtual environment|primary key|foreign key|object[- ]oriented|machine code|error code|compile error|syntax error|type error|runtime error|dynamic programming|design pattern|dependency injection|garbage collection|race condition|memory leak|node\.js|next\.js|vue\.js|react (?:hook|component|native|app))s?\b",
            r"\b(?:sort|reverse|iterate over|loop through|parse|serialize|concatenate|append to) (?:a|an|the|two) (?:list|array|string|dictionary|dict|vector|map|tuple|file|arrays|strings|lists)\b",
        ],
        "unless": [
            r"\b(?:dress|area|zip|postal|building|penal|civil|tax|morse|secret|da vinci|country|dialling|dialing|genetic) code\b|\b(?:tv|government|exercise|training|weight|nuclear|space|loyalty|fitness|reality) program|\b(?:movie|film) script\b|\byoga class\b"
        ],
    },
]

CONVERSATION: Final[list[dict[str, Any]]] = [
    {
        "name": "small_talk",
        "class": "conversation",
        "hints": ["you"],
        "patterns": [
            r"^(?:(?:hi+|hello+|hey+|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|night|day)|hola|bonjour|hallo|ciao|salut|cześć|你好|您好|こんにちは|안녕하세요|morning|sup|wassup|what's up|whats up|how are you(?: doing)?(?: today)?|how's it going"
            r"|how do you do|nice to meet you|there|everyone|all|buddy|friend|bot|thanks|thank you|thx|ty|so much|very much|a lot|bye|goodbye|see you|later|ok|okay|k|yes|yeah|yep|no|nope|sure|cool|great|awesome|nice|perfect|lol|haha+|hmm+|sorry"
            r"|please|wow|good|got it|i see|never mind|nevermind|that's all|you too|test|testing|ping|right|exactly|correct|really|continue|go on|keep going|why|why not|what|huh|interesting|amazing|well done|good job|good bot|you're welcome|no problem"
            r"|for your help|for the help|for that|and|my friend|dear|sir|again|man|dude|bro|then|i agree|i disagree|of course|sounds good|tell me more|no thanks|no thank you|yes please)[\s,.!?😊🙂👋❤️-]{0,6}){1,8}$",
            r"^(?:hi,? |hello,? |hey,? |so,? |and )?(?:who|what) (?:are|r) you\b(?! (?:most|least|supposed))|^(?:so,? |and |hi,? |hello,? )?how(?:'s| is| was) your (?:day|weekend|morning|night|evening|week|life)\b|^what are you (?:doing|up to|thinking|wearing)\b|^(?:so,? |and )?(?:what(?:'s| is)|tell me) your (?:name|favou?rite|age|opinion|purpose|job|hobby|hobbies|gender|birthday|day)|\bhow are you\b|\bhow old are you\b|\bwhere are you (?:from|located|based)\b",
            r"^(?:hi,? |hello,? |hey,? |but |and |so )?(?:are|were) you (?:a |an |really |actually |still |even |just )*(?:human|robot|bot|ai|real|person|there|okay|ok|sentient|alive|conscious|sure|happy|sad|serious|kidding|married|single|tired|busy|chatgpt|gpt|claude|alexa|siri|listening|smart|male|female|ready|mad|angry|lonely|bored)\b",
            r"^(?:hi,? |hello,? |but |and |so )?do you (?:like|love|have (?:a |any )?(?:feelings|emotions|friends|pets?|name|family|hobbies|favou?rite|siblings|children|dreams)|think (?:you|i)|feel|dream|sleep|eat|believe|ever|get|want|enjoy|hate|speak|understand|wanna)\b",
            r"^(?:how do you feel|can we be|i (?:love|hate|like|miss|trust|appreciate) you|you (?:are|'re)|you're|i'm (?:bored|sad|happy|tired|lonely|back|here|fine|good|doing|so|feeling|hungry|sleepy)|i am (?:bored|sad|happy|tired|lonely|fine|good|hungry|sleepy|feeling)|i feel|let's (?:talk|chat|play)|can we (?:talk|chat)|talk to me|chat with me|tell me (?:a|the|some|something) ?(?:joke|about yourself|story|funny|interesting|riddle|fun fact)|make me laugh|sing (?:me )?a|tell me about yourself|can i ask you (?:a question|something)|what can you do|who (?:made|created|built|trained|designed) you|what do you (?:think|like|do)|will you (?:marry|be)|would you (?:like|rather)|can you (?:feel|hear|see me|talk|speak|think|love|sing|dance))\b",
        ],
        "unless": [r"\n.{0,400}\n"],
    },
    {
        "name": "asks_for_help",
        "class": "conversation",
        "patterns": [
            r"^(?:hi,? |hello,? |hey,? |please,? )?(?:can|could|will|would) you help(?: me)?(?: out)?(?: please)?[?.! ]*$|^(?:i need |i have a |i've got a )?(?:some |a little )?(?:help(?: me)?|question)(?: please)?[?.! ]*$"
        ],
    },
]

_PASSING: Final = (
    r"\b(?:current|currently|now|today|latest|new|newest|recent|recently|still|yet|next|upcoming|modern|this|my|me|i|our|we|us|mine|i'm|i've|best|top|good|better|great|popular|should|price|prices|cost|costs|worth|population|richest|record"
    r"|salary|salaries|average|gdp|ranking|ranked|most popular|so far|lately|anymore|nowadays|cheapest|cheap|recommended|near|available|has the most|have the most|version|favorite|favourite|famous|law|legal|tax|rate|news|season|episode|score|team|last time|stock|alive|dating|married|deadline|opening|hours|phone number|website|he|she|they|it|that|these|those|him|her|them|20[2-9]\d)\b"
)

_POINTING: Final = r"\b(?:this|that|it|these|those|my|me|our|your|he|she|they|when|if|for (?:me|us)|today|now|current|latest|new law|life|us dollars?)\b"

STATIC: Final[list[dict[str, Any]]] = [
    {
        "name": "wording",
        "class": "static",
        "patterns": [
            r"\A(?:what(?:'s| is) )?(?:the )?(?:spanish|french|german|italian|portuguese|chinese|japanese|korean|russian|arabic|hindi|polish|dutch|latin|greek|turkish|english) (?:word|translation|term|name) (?:for|of)\b.{2,60}\Z",
            r"\A(?:define|definition of|meaning of|synonyms? (?:for|of)|antonyms? (?:for|of)|opposite of|plural of|past tense of|spell|spelling of|etymology of|full form of)\b.{2,60}\Z",
            r"\Awhat (?:does|do|did) (?:the (?:word|term|phrase|acronym|abbreviation|idiom|saying|expression|latin|suffix|prefix) )?.{2,60}\b(?:mean|stand for|abbreviate|signify)\b.{0,30}\Z",
            r"\A(?:translate|how do (?:you|i) say|how to say|say|what is)\b.{2,100}\b(?:to|in|into|from) (?:\w+ (?:to|into) )?(?:spanish|french|german|italian|portuguese|chinese|mandarin|japanese|korean|russian|arabic|hindi|polish|dutch|swedish|latin|greek|turkish|hebrew|vietnamese|thai|english|esperanto)\b[?.! ]{0,3}\Z",
            r"\Ahow (?:do you|to|is|do i) (?:spell|pronounce|pronounced|spelled)\b.{2,60}\Z",
        ],
        "unless": [_POINTING, r"\n.{0,300}\n"],
    },
    {
        "name": "lasting_fact",
        "class": "static",
        "patterns": [
            r"\A(?:the )?(?:capital(?: city)?|chemical (?:symbol|formula)|atomic (?:number|mass)|(?:boiling|melting|freezing) point|square root) of\b.{2,40}\Z",
            r"\A(?:what(?:'s| is| are| was| were)|name|tell me|give me) (?:the )?(?:capital(?: city)?|chemical (?:symbol|formula|name|composition)|atomic (?:number|mass|weight|symbol)|(?:boiling|melting|freezing) point|speed of (?:light|sound)|square root|cube root|formula|derivative|integral|(?:currency )?symbol|molecular (?:weight|formula|mass)|value of pi|circumference|diameter|radius|scientific name|latin name|roman numeral|past tense|past participle|plural|opposite|antonyms?|synonyms?|meaning|definition|etymology|origin|abbreviation|acronym|full form|theorem|law of|quadratic formula|pythagorean theorem|primary colou?rs|noble gases|(?:three |four |five |seven )?(?:laws|states|stages|phases|branches|continents|oceans|wonders|parts)|first \d* ?(?:element|president|person|man|woman|emperor|\d+ digits of pi))\b(?=(?: city| name)?(?: (?:of|for|in|from|to|behind|between|on)\b|'s|[?.! ]*\Z))",
            r"\A(?:in )?(?:what|which) (?:year|century|decade|date|day) (?:did|was|were)\b.{3,100}\Z",
            r"\A(?:who|whom) (?:first )?(?:wrote|painted|invented|discovered|composed|founded|directed|built|designed|assassinated|killed|was|were|authored|sculpted|formulated|proved|developed the theory|sang the original|fought|signed|conquered|led the)\b.{3,100}\Z",
            r"\Awho is the (?:author|inventor|father|founder|composer|painter|discoverer|god|goddess) of\b.{2,100}\Z",
            r"\Awhen (?:was|were|did)\b.{3,100}\Z",
            r"\Awhere (?:was|were|did)\b.{3,100}\b(?:born|die|died|buried|built|fought|signed|founded|invented|discovered|take place|originate|held|happen)\b.{0,60}\Z",
            r"\Awhere is (?:the )?(?:mount|mt\.?|lake|river|island|desert|sahara|great|city|country|taj|eiffel|machu|gulf|cape|strait|sea|amazon|nile|pyramids?|statue)\b.{0,60}\Z",
            r"\A(?:what(?:'s| is| was)|which is|name) the (?:world's )?(?:largest|longest|tallest|highest|deepest|smallest|shortest|hottest|coldest|biggest|lightest|heaviest|fastest|hardest|most abundant|closest|nearest|second largest|second longest) (?:\w+ )?(?:country|ocean|river|mountain|peak|planet|continent|desert|lake|island|sea|animal|mammal|bird|fish|bone|organ|muscle|star|moon|element|waterfall|volcano|trench|land animal|prime number|metal|mineral|bird|snake|insect|gas|galaxy|point)\b.{0,60}\Z",
            r"\Ahow many (?:years (?:are |is )?in|(?:days|hours|minutes|seconds|weeks|months|feet|inches|ounces|grams|kilograms|pounds|miles|kilometers|kilometres|meters|metres|cups|pints|quarts|liters|litres|tablespoons|teaspoons|bytes|bits|cents|degrees|sides|bones|teeth|chromosomes|continents|oceans|planets|moons|players|legs|strings|keys|squares|letters|states|protons|electrons|neutrons|elements|zeros|yards|millimeters|centimeters|milliliters|megabytes|gigabytes|chambers|ribs|vertebrae|valves|hearts|stomachs|cards)\b.{0,20}\b(?:in|does|do|on|make|has|have|are|of))\b.{0,60}\Z",
            r"\Aconvert [\d.,/]+ ?(?:miles?|km|kilomet\w+|met\w+|feet|foot|ft|inch\w*|cm|mm|pounds?|lbs?|kg|kilogram\w*|grams?|ounces?|oz|celsius|fahrenheit|degrees|liters?|litres?|gallons?|cups?|hours?|minutes|days|acres?|hectares?|decimal|binary|hex)\b",
            r"\A(?:what(?:'s| is)|calculate|compute|evaluate|solve|simplify|how much is)?:? ?(?:the (?:sum|product|value|result) of )?\(?-?\d[\d.,]* ?(?:[-+*/x×÷^%]|plus|minus|times|divided by|multiplied by|to the power of|percent of|% of|squared|cubed|mod|and|factorial)[\d\s.,()+*/x×÷^%=-]{0,60}(?:\d+)?\??\Z",
            r"\A(?:what|which) (?:planet|element|country|continent|ocean|gas|organ|metal|animal|vitamin|king|president|battle|treaty|war|empire|river|scientist|mountain|gland|bone|acid|language|theorem)\b.{0,20}\b(?:is|was|are|did|has|does|gives?|produces?|makes?|ended|began|wrote|signed|invented|discovered|known|called|closest)\b.{3,80}\Z",
            r"\Awhat (?:is|are) an? (?!way|thing|word for)[a-z][a-z -]{2,40}\??\Z",
            r"\Awho won (?:world war|the (?:\w+ )?(?:civil war|war|battle|revolution|cold war))\b|\Awho won .{3,60}\b(?:1[0-9]\d\d|200\d|201\d)\b.{0,20}\Z",
            r"\A(?:how (?:far|big|large|old|hot|deep|tall|high|long|heavy|fast) is (?:the )?(?:earth|moon|sun|universe|mars|jupiter|venus|mercury|saturn|neptune|uranus|pluto|mount everest|everest|nile|light|milky way|mariana trench|pacific ocean|atlantic ocean|solar system|kilimanjaro|k2|great wall)\b).{0,60}\Z",
            r"\A(?:at what temperature|why is the sky blue|what causes (?:tides|seasons|rainbows?|lightning|thunder|earthquakes))\b.{0,60}\Z",
        ],
        "unless": [
            _PASSING,
            r"\bmeaning of life\b|\A(?:when|what year|in what year|which year|in which year) (?:did|was|were) .{0,80}\blast\b",
            r"\b(?:idea|ideas|joke|alternative|substitute|recipe|gift|restaurant|way|place|funny|scary|easy|healthy|quick|nice|cute|cool|fun|name for)\b",
            r"\n.{0,300}\n",
        ],
    },
]
