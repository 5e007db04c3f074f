"""Names that are told apart also in lower case: places, languages, makers, products.

One name a line or between commas; what stands after `=` is another way to write it. A spelling with a capital counts
only as written (`US` is no `us`), one without in any case.
"""

from __future__ import annotations

from typing import Final

_COUNTRIES = """
united states=usa=US=America=american=americans=united states of america=the states, united kingdom=UK=uk=great
britain=britain=british, england=english, scotland=scottish, wales=welsh, ireland=irish, france=french,
germany=german=germans=deutschland, spain=spanish=spaniards, portugal=portuguese, italy=italian=italians,
greece=greek=greeks, netherlands=holland=dutch, belgium=belgian, luxembourg, switzerland=swiss,
austria=austrian=austrians, poland=Polish=poles, czech republic=czechia=czech, slovakia=slovak, slovenia=slovenian,
hungary=hungarian, romania=romanian, bulgaria=bulgarian, serbia=serbian, croatia=croatian, bosnia=bosnian,
montenegro, albania=albanian, macedonia, kosovo, moldova, ukraine=ukrainian, belarus, russia=russian=russians,
lithuania=lithuanian, latvia=latvian, estonia=estonian, finland=finnish, sweden=swedish, norway=norwegian,
denmark=danish, iceland=icelandic, turkey=turkish, cyprus, malta, israel=israeli=israelis, palestine=palestinian,
lebanon=lebanese, syria=syrian, iraq=iraqi, iran=iranian, saudi arabia=saudi=saudis, kuwait, qatar=qatari, bahrain,
oman, uae=united arab emirates=emirati, yemen=yemeni, jordan, egypt=egyptian, libya, tunisia, algeria,
morocco=moroccan, sudan, ethiopia=ethiopian, somalia, kenya=kenyan, uganda, tanzania, rwanda, nigeria=nigerian,
ghana, senegal, ivory coast, cameroon, congo, angola, zambia, zimbabwe, mozambique, namibia, botswana, south
africa=south african, madagascar, mauritius, india=indian=indians=bharat, pakistan=pakistani=pakistanis,
bangladesh=bangladeshi, sri lanka=sri lankan, nepal=nepali=nepalese, bhutan, maldives, afghanistan=afghan,
china=chinese, taiwan=taiwanese, hong kong, macau, mongolia, japan=japanese, south korea=korea=korean=koreans, north
korea=north korean, vietnam=vietnamese, laos, cambodia, thailand=thai, myanmar=burma, malaysia=malaysian,
singapore=singaporean, indonesia=indonesian, philippines=filipino=filipinos, brunei,
australia=australian=australians=aussie, new zealand=kiwi, fiji, canada=canadian=canadians, mexico=mexican=mexicans,
guatemala, belize, honduras, el salvador, nicaragua, costa rica, panama, cuba=cuban, jamaica=jamaican, haiti,
dominican republic, puerto rico, bahamas, barbados, trinidad, colombia=colombian, venezuela=venezuelan, ecuador,
peru=peruvian, bolivia, chile=chilean, argentina=argentine=argentinian, uruguay, paraguay,
brazil=brazilian=brazilians, guyana, suriname, kazakhstan, uzbekistan, turkmenistan, kyrgyzstan, tajikistan,
azerbaijan, armenia=armenian, georgia
"""
_CONTINENTS = """
europe=european=EU=eu=european union, africa=african, asia=asian, antarctica, south america, north america, middle
east
"""

_STATES = """
alabama, alaska, arizona, arkansas, california, colorado, connecticut, delaware, florida, hawaii, idaho, illinois,
indiana, iowa, kansas, kentucky, louisiana, maine, maryland, massachusetts, michigan, minnesota, mississippi,
missouri, montana, nebraska, nevada, new hampshire, new jersey=NJ, new mexico, north carolina, north dakota, ohio,
oklahoma, oregon, pennsylvania, rhode island, south carolina, south dakota, tennessee, texas=texan, utah, vermont,
virginia, west virginia, wisconsin, wyoming, ontario, quebec, alberta, british columbia, manitoba, saskatchewan,
nova scotia, queensland, new south wales, tasmania, bavaria, catalonia, andalusia, normandy, brittany, tuscany,
sicily, lombardy, punjab, gujarat, kerala, tamil nadu, karnataka, maharashtra, rajasthan, bihar, uttar pradesh, west
bengal, telangana, andhra pradesh, madhya pradesh, haryana, assam, odisha, goa, kashmir
"""

_CITIES = """
new york=nyc=new york city=NY, los angeles=LA, chicago, houston, phoenix, philadelphia, san antonio, san diego,
dallas, san jose, austin, jacksonville, san francisco=SF, columbus, indianapolis, seattle, denver, washington
dc=DC=washington d.c., boston, detroit, nashville, memphis, portland, las vegas=vegas, baltimore, milwaukee,
albuquerque, tucson, sacramento, kansas city, atlanta, miami, minneapolis, tampa, orlando, new orleans, cleveland,
pittsburgh, cincinnati, st louis=saint louis=st. louis, salt lake city, charlotte, oakland, honolulu, anchorage,
burbank, long beach, ontario california, westchester, newark, st paul, toronto, montreal, vancouver, calgary,
ottawa, edmonton, winnipeg, mexico city, guadalajara, cancun, havana, bogota, medellin, lima, quito, santiago,
buenos aires, montevideo, sao paulo, rio de janeiro=rio, brasilia, caracas, london, manchester, birmingham,
liverpool, leeds, bristol, edinburgh, glasgow, cardiff, belfast, dublin, paris, lyon, marseille, nice france,
toulouse, bordeaux, lille, strasbourg, berlin, munich=münchen, hamburg, frankfurt, cologne, stuttgart, dresden,
leipzig, vienna, salzburg, zurich=zürich, geneva, basel, bern, brussels, antwerp, amsterdam, rotterdam, the hague,
rome, milan, naples, turin, venice, florence, bologna, palermo, madrid, barcelona, valencia, seville, bilbao,
malaga, lisbon, porto, athens, istanbul, ankara, moscow, saint petersburg=st petersburg=st. petersburg, kiev=kyiv,
warsaw, krakow, prague, budapest, bucharest, sofia, belgrade, zagreb, oslo, bergen, stockholm, gothenburg,
copenhagen, helsinki, reykjavik, tallinn, riga, vilnius, tel aviv, jerusalem, beirut, damascus, baghdad, tehran,
riyadh, jeddah, mecca, medina, doha, dubai, abu dhabi, cairo, alexandria, casablanca, marrakech, tunis, lagos,
nairobi, addis ababa, johannesburg, cape town, durban, accra, delhi=new delhi, mumbai=bombay, bangalore=bengaluru,
chennai=madras, kolkata=calcutta, hyderabad, pune, ahmedabad, jaipur, lucknow, kanpur, nagpur, indore, patna,
chandigarh, gurgaon=gurugram, noida, kochi, coimbatore, karachi, lahore, islamabad, dhaka, colombo, kathmandu,
beijing=peking, shanghai, guangzhou, shenzhen, wuhan, chengdu, xian, tokyo, osaka, kyoto, hiroshima, nagoya, seoul,
busan, pyongyang, taipei, hanoi, ho chi minh city=saigon, bangkok, phuket, kuala lumpur, jakarta, bali, manila,
sydney, melbourne, brisbane, perth, adelaide, canberra, auckland, wellington
"""

_LANGUAGES = """
english=englisch=inglés=anglais, french=français=francais=französisch, german=deutsch=allemand=alemán,
spanish=español=espanol=castellano=castilian=spanisch, italian=italiano=italienisch,
portuguese=português=portugues, dutch=nederlands=flemish=vlaams, russian=русский, chinese=中文,
mandarin, cantonese, japanese=日本語, korean=한국어, arabic=العربية, hebrew=עברית, hindi=हिन्दी, urdu, bengali, tamil,
telugu, marathi, gujarati, punjabi, kannada, malayalam, nepali, sinhala, persian=farsi, turkish=türkçe=turkce,
greek=ελληνικά, latin, Polish=polski=polsku, czech=čeština=česky, slovak=slovenčina, hungarian=magyar=magyarul,
romanian=română, bulgarian=български, serbian=srpski, croatian=hrvatski, ukrainian=українська, swedish=svenska,
norwegian=norsk, danish=dansk, finnish=suomi=suomeksi, icelandic=íslenska, estonian=eesti, latvian=latviešu,
lithuanian=lietuvių, irish=gaeilge, welsh=cymraeg, scottish gaelic, catalan=català, basque=euskara, galician=galego,
swahili=kiswahili, zulu, afrikaans, amharic, somali, vietnamese, thai, indonesian, malay, tagalog,
filipino, burmese, khmer, lao, mongolian, tibetan, sanskrit, esperanto, yiddish
"""

_PROGRAMMING = """
python, java, javascript=js, typescript=ts, c++=cpp, c#=csharp, C, F#, R, golang, rust, ruby, php, perl, scala,
kotlin, haskell, erlang, elixir, clojure, lua, julia, matlab, fortran, cobol, pascal, objective-c, dart, bash,
powershell, sql, css, vba, prolog, lisp
"""

_SYSTEMS = """
windows, macos=mac=os x=osx=mac os, linux, ubuntu, debian, fedora, centos, arch linux, android, ios, chromeos,
freebsd
"""

_DATABASES = """
mysql, postgresql=postgres, sqlite, mongodb=mongo, redis, cassandra, dynamodb, oracle, mariadb, sql server=mssql,
neo4j, elasticsearch, couchdb, snowflake, bigquery, redshift
"""

_FRAMEWORKS = """
react=reactjs=react.js, angular=angularjs, vue=vuejs=vue.js, svelte, django, flask, fastapi, rails=ruby on rails,
laravel, symfony, spring boot, next.js=nextjs, node.js=nodejs=node, jquery, flutter, react native, xamarin,
pytorch=torch, tensorflow, keras, numpy, pandas, docker, kubernetes=k8s, terraform, ansible, jenkins, webpack, vite,
bootstrap, tailwind
"""

_COMPANIES = """
google, microsoft, apple inc, amazon, facebook=fb, meta, twitter, netflix, uber, lyft, airbnb, tesla, spacex, nasa,
ibm, intel, amd, nvidia, qualcomm, samsung, sony, lg, nokia, motorola, xiaomi, huawei, oppo, oneplus, lenovo, dell,
hp=hewlett packard, asus, acer, toshiba, panasonic, philips, siemens, bosch, toyota, honda, nissan, hyundai, kia,
mazda, subaru, ford, chevrolet=chevy, gm=general motors, bmw, mercedes=mercedes benz, audi, volkswagen=vw, porsche,
ferrari, lamborghini, volvo, jaguar cars, tata, mahindra, infosys, wipro, tcs, accenture, deloitte, kpmg, pwc, ernst
young, mckinsey, bcg, goldman sachs, jp morgan=jpmorgan, morgan stanley, citibank, hsbc, barclays, wells fargo, bank
of america, chase bank, paypal, stripe, visa, mastercard=master card, american express=amex, walmart, costco, ikea,
nike, adidas, puma, starbucks, mcdonalds=mcdonald's, kfc, burger king, subway, pizza hut, dominos, coca cola=coke,
pepsi, nestle, unilever, pfizer, moderna, astrazeneca, boeing, airbus, lufthansa, ryanair, emirates, delta airlines,
united airlines, american airlines, southwest airlines, fedex, ups, dhl, usps, at&t=att, verizon, t-mobile=tmobile,
vodafone, comcast, airtel, jio, flipkart, alibaba, baidu, tencent, snapdeal, paytm, ola cabs, quora, reddit,
wikipedia, stackoverflow=stack overflow, yahoo, bing, linkedin, instagram=insta, whatsapp, snapchat, telegram,
tiktok=tik tok, youtube, pinterest, tumblr, skype, slack, zoom app, discord, spotify, soundcloud, pandora, hulu,
disney, pixar, marvel, dc comics, hbo, github, gitlab, bitbucket, dropbox, google drive, onedrive, icloud, gmail,
outlook, hotmail, salesforce, oracle, sap, shopify, wordpress, wix, squarespace, squareup, revolut, monzo, venmo,
cash app, coinbase, binance, kraken, robinhood, etsy, ebay, aws=amazon web services, azure, gcp=google cloud,
heroku, vercel, openai, chatgpt, anthropic, claude, gemini, copilot, siri, alexa, cortana
"""

_BROWSERS = "chrome, firefox, safari, edge browser, opera browser, brave browser, internet explorer"
_DEVICES = (
    "iphone, ipad, macbook, imac, apple watch, kindle, galaxy, pixel phone, playstation=ps4=ps5, xbox, nintendo switch"
)
_PLANETS = "Mercury, venus, mars, jupiter, saturn, uranus, neptune, pluto"
_CRYPTO = "bitcoin=btc, ethereum=eth, litecoin, dogecoin, ripple=xrp, solana, cardano, monero"
_CREEDS = """
christianity=christian=christians, islam=muslim=muslims=islamic, hinduism=hindu=hindus, judaism=jew=jews=jewish,
buddhism=buddhist=buddhists, sikhism=sikh=sikhs, jainism=jain, catholic=catholics=catholicism,
protestant=protestants, mormon=mormons, atheism=atheist=atheists
"""
_SPORTS = """
football=soccer, basketball, baseball, cricket, tennis, golf, hockey, rugby, volleyball, badminton, boxing,
swimming, cycling, skiing, snowboarding, surfing, wrestling, table tennis=ping pong, chess, gymnastics
"""
_EXAMS = "gre, gmat, toefl, ielts, sat exam, act exam, lsat, mcat, upsc, neet, jee, gate exam, cat exam, cfa, acca"
_INSTRUMENTS = (
    "guitar, piano, violin, cello, flute, drums, saxophone, trumpet, clarinet, harp, ukulele, banjo, trombone"
)

NAMES: Final[dict[str, str]] = {
    "country": _COUNTRIES,
    "continent": _CONTINENTS,
    "state": _STATES,
    "city": _CITIES,
    "programming": _PROGRAMMING,
    "system": _SYSTEMS,
    "database": _DATABASES,
    "framework": _FRAMEWORKS,
    "company": _COMPANIES,
    "browser": _BROWSERS,
    "device": _DEVICES,
    "planet": _PLANETS,
    "crypto": _CRYPTO,
    "creed": _CREEDS,
    "sport": _SPORTS,
    "exam": _EXAMS,
    "instrument": _INSTRUMENTS,
}
"""Kind to names. Two different names of one kind are never one name misspelt."""

LANGUAGES: Final = _LANGUAGES
"""Natural languages, as what an answer may be asked in."""

NO_NAMES: Final = """
i i'm ok tv pc id ceo cv faq dm pm am ai it pdf url app apps internet web god mr mrs ms dr sir madam english monday
how what why when where who which is are do does can should could would will the a an if in on at for to of my your
and or but please best top good new old big first last people person man woman life love money time day year world
"""
"""Words that name nothing even with a capital."""

STOP_WORDS: Final[dict[str, str]] = {
    "en": "the is are was what how why when where which who does do did can should my your of and with you it this "
    "that",
    "de": "der die das und ist nicht ein eine wie ich mit auf auch sind wir für kann werden sie wird warum welche "
    "was den dem von zu mein",
    "fr": "le la les une des est dans pour avec que qui quel quelle comment pourquoi vous nous sont je mon et du pas "
    "sur",
    "es": "el la los las una es en para con que qué cuál cómo como por está son mi y del se puedo dónde cuando",
    "it": "il lo la gli una è per con che come perché quale sono di della nel mio e posso dove cosa",
    "pt": "o os as uma é para com que como por qual são meu minha e do da não você posso onde",
    "nl": "de het een is van en niet hoe wat ik met op voor zijn mijn kan waarom welke dat",
    "sv": "och att det är som en på för med hur vad jag kan inte den min",
    "pl": "jest nie się jak czy na do co gdzie kiedy mój dla i w z",
    "tr": "ve bir bu nasıl ne için mi nedir neden var ile",
    "id": "yang dan di apa bagaimana untuk dengan saya itu adalah ini cara",
}
"""Language to frequent words of it, for telling which one a text is in."""
