"""Names that are told apart also in lower case: places, languages, makers, products.

One name a line or between commas; what stands after `=` is another way to write it. A spelling with a capital counts
only as written (`US` is no `us`), one without in any case.
"""

from __future__ import annotations

from typing import Final

_COUNTRIES = """
united states=usa=US=America=american=americans=united states of america=the states,
united kingdom=UK=uk=great britain=britain=british=brits=brit, england=english, scotland=scottish,
wales=welsh, ireland=irish, northern ireland=NI=northern irish, france=french, germany=german=germans=deutschland,
spain=spanish=spaniards, portugal=portuguese, italy=italian=italians, greece=greek=greeks, netherlands=holland=dutch,
belgium=belgian, luxembourg=luxembourgish, switzerland=swiss, austria=austrian=austrians, poland=Polish=Poles,
czech republic=czechia=czech, slovakia=slovak, slovenia=slovenian, hungary=hungarian, romania=romanian,
bulgaria=bulgarian, serbia=serbian, croatia=croatian, bosnia=bosnian, montenegro=montenegrin, albania=albanian,
macedonia, kosovo, moldova=moldovan, ukraine=ukrainian, belarus=belarusian, russia=russian=russians,
lithuania=lithuanian, latvia=latvian, estonia=estonian, finland=finnish=Finns, sweden=swedish=Swedes,
norway=norwegian, denmark=danish=Danes, iceland=icelandic, turkey=turkish=türkiye=turkiye=Turks, cyprus=cypriot,
malta=maltese, israel=israeli=israelis, palestine=palestinian, lebanon=lebanese, syria=syrian, iraq=iraqi,
iran=iranian, saudi arabia=saudi=saudis, kuwait=kuwaiti, qatar=qatari, bahrain=bahraini, oman=omani,
uae=united arab emirates=emirati, yemen=yemeni, jordan=jordanian, egypt=egyptian, libya=libyan, tunisia=tunisian,
algeria=algerian, morocco=moroccan, sudan=sudanese, ethiopia=ethiopian, somalia=somali, kenya=kenyan, uganda=ugandan,
tanzania=tanzanian, rwanda=rwandan, nigeria=nigerian, ghana=ghanaian, senegal=senegalese, ivory coast,
cameroon=cameroonian, congo=congolese, angola=angolan, zambia=zambian, zimbabwe=zimbabwean, mozambique,
namibia=namibian, botswana, south africa=south african=south africans, madagascar, mauritius,
india=indian=indians=bharat, pakistan=pakistani=pakistanis, bangladesh=bangladeshi, sri lanka=sri lankan,
nepal=nepali=nepalese, bhutan, maldives=maldivian, afghanistan=afghan, china=chinese, taiwan=taiwanese, hong kong,
macau, mongolia, japan=japanese, south korea=korea=korean=koreans, north korea=north korean,
vietnam=vietnamese, laos=laotian, cambodia=cambodian, thailand=thai, myanmar=burma, malaysia=malaysian,
singapore=singaporean, indonesia=indonesian, philippines=filipino=filipinos, brunei,
australia=australian=australians=aussie, new zealand=kiwi, fiji=fijian, canada=canadian=canadians,
mexico=mexican=mexicans, guatemala=guatemalan, belize, honduras, el salvador, nicaragua=nicaraguan,
costa rica=costa rican, panama=panamanian, cuba=cuban, jamaica=jamaican, haiti=haitian, dominican republic,
puerto rico=puerto rican, bahamas, barbados, trinidad, colombia=colombian, venezuela=venezuelan, ecuador=ecuadorian,
peru=peruvian, bolivia=bolivian, chile=chilean, argentina=argentine=argentinian, uruguay=uruguayan, paraguay,
brazil=brazilian=brazilians, guyana, suriname, kazakhstan=kazakh, uzbekistan=uzbek, turkmenistan, kyrgyzstan,
tajikistan, azerbaijan, armenia=armenian, georgia
"""
_CONTINENTS = """
europe=european=EU=eu=european union, africa=african, asia=asian, antarctica, south america, north america, middle
east
"""

_STATES = """
alabama, alaska=alaskan, arizona, arkansas, california=californian=californians, colorado, connecticut, delaware,
florida=floridian, hawaii=hawaiian=hawaiians, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maine,
maryland, massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska, nevada, new hampshire,
new jersey=NJ, new mexico, north carolina, north dakota, ohio, oklahoma, oregon, pennsylvania, rhode island,
south carolina, south dakota, tennessee, texas=texan=texans, utah, vermont, virginia, west virginia, wisconsin,
wyoming, ontario, quebec=québec=quebecois, alberta, british columbia, manitoba, saskatchewan, nova scotia, queensland,
new south wales, tasmania, bavaria=bavarian, catalonia=catalan, andalusia=andalusian, normandy, brittany,
tuscany=tuscan, sicily=sicilian, lombardy, punjab, gujarat, kerala, tamil nadu, karnataka, maharashtra, rajasthan,
bihar, uttar pradesh, west bengal, telangana, andhra pradesh, madhya pradesh, haryana, assam, odisha, goa, kashmir
"""

_CITIES = """
new york=nyc=new york city=NY, los angeles=LA, chicago, houston, phoenix, philadelphia, san antonio,
san diego, dallas, san jose, austin, jacksonville, san francisco=SF, columbus, indianapolis, seattle, denver,
washington dc=DC=washington d.c., boston, detroit, nashville, memphis, portland, las vegas=vegas, baltimore,
milwaukee, albuquerque, tucson, sacramento, kansas city, atlanta, miami, minneapolis, tampa, orlando, new orleans,
cleveland, pittsburgh, cincinnati, st louis=saint louis=st. louis, salt lake city, charlotte, oakland, honolulu,
anchorage, burbank, long beach, ontario california, westchester, newark, st paul, toronto, montreal=montréal,
vancouver, calgary, ottawa, edmonton, winnipeg, mexico city=cdmx, guadalajara, cancun=cancún, havana, bogota=bogotá,
medellin=medellín, lima, quito, santiago, buenos aires, montevideo, sao paulo=são paulo, rio de janeiro=rio, brasilia,
caracas, london=londoner=londoners, manchester, birmingham, liverpool, leeds, bristol, edinburgh, glasgow, cardiff,
belfast, dublin, paris=parisian, lyon=lyons, marseille, nice france, toulouse, bordeaux, lille,
strasbourg=straßburg=strassburg, berlin, munich=münchen=muenchen, hamburg, frankfurt=frankfurt am main,
cologne=köln=koeln, stuttgart, dresden, leipzig, vienna=wien=viennese, salzburg, zurich=zürich, geneva=genève=genf,
basel=bâle, bern=berne, brussels=bruxelles=brussel, antwerp=antwerpen=anvers, amsterdam, rotterdam,
the hague=den haag, rome=Roma, milan=milano, naples=napoli, turin=torino, venice=venezia=venetian, florence=firenze,
bologna, palermo, madrid, barcelona, valencia, seville=sevilla, bilbao, malaga=málaga, lisbon=lisboa, porto=oporto,
athens=athina, istanbul, ankara, moscow=moskva, saint petersburg=st petersburg=st. petersburg=sankt petersburg,
kiev=kyiv, warsaw=warszawa, krakow=kraków=cracow, prague=praha, budapest, bucharest=bucurești=bucuresti, sofia,
belgrade=beograd, zagreb, oslo, bergen, stockholm, gothenburg=göteborg, copenhagen=københavn=kobenhavn, helsinki,
reykjavik=reykjavík, tallinn, riga, vilnius, tel aviv, jerusalem, beirut, damascus, baghdad, tehran,
riyadh, jeddah, mecca, medina, doha, dubai, abu dhabi, cairo, alexandria, casablanca, marrakech=marrakesh, tunis,
lagos, nairobi, addis ababa, johannesburg, cape town, durban, accra, delhi=new delhi, mumbai=bombay,
bangalore=bengaluru, chennai=madras, kolkata=calcutta, hyderabad, pune, ahmedabad, jaipur, lucknow, kanpur, nagpur,
indore, patna, chandigarh, gurgaon=gurugram, noida, kochi, coimbatore, karachi, lahore, islamabad, dhaka, colombo,
kathmandu, beijing=peking, shanghai, guangzhou, shenzhen, wuhan, chengdu, xian, tokyo, osaka, kyoto, hiroshima,
nagoya, seoul, busan, pyongyang, taipei, hanoi, ho chi minh city=saigon=hcmc, bangkok, phuket, kuala lumpur, jakarta,
bali, manila, sydney, melbourne, brisbane, perth, adelaide, canberra, auckland, wellington, genoa=genova,
nuremberg=nürnberg=nuernberg, hanover=hannover, dusseldorf=düsseldorf=duesseldorf, yangon=rangoon
"""

_AIRPORTS = """
heathrow=lhr, gatwick=lgw, stansted=STN, luton airport=LTN, charles de gaulle=cdg, orly=ORY, schiphol=AMS, frankfurt
airport, munich airport=MUC, barajas, el prat=BCN, fiumicino=FCO, malpensa=mxp, linate, zurich airport=ZRH, vienna
airport, kastrup=CPH, arlanda=ARN, gardermoen=OSL, jfk=kennedy airport, laguardia=lga, newark airport=ewr, o
hare=ohare=ORD, LAX, sfo, logan airport=BOS, dulles=IAD, sea tac=seatac, sky harbor=PHX, pearson=yyz, haneda=HND,
narita=NRT, incheon=ICN, changi, suvarnabhumi=BKK, chek lap kok=HKG, dubai airport=DXB, hamad=DOH, kingsford
smith=SYD, tullamarine
"""

_LANGUAGES = """
english=englisch=inglés=anglais, french=français=francais=französisch, german=deutsch=allemand=alemán,
spanish=español=espanol=castellano=castilian=spanisch, italian=italiano=italienisch, portuguese=português=portugues,
dutch=nederlands=flemish=vlaams, russian=русский, chinese=中文, mandarin, cantonese, japanese=日本語, korean=한국어,
arabic=العربية, hebrew=עברית, hindi=हिन्दी, urdu, bengali, tamil, telugu, marathi, gujarati, punjabi, kannada,
malayalam, nepali, sinhala, persian=farsi, turkish=türkçe=turkce, greek=ελληνικά, latin, Polish=polski=polsku,
czech=čeština=česky, slovak=slovenčina, slovenian=slovenščina, hungarian=magyar=magyarul, romanian=română,
bulgarian=български, serbian=srpski, croatian=hrvatski, ukrainian=українська, swedish=svenska, norwegian=norsk,
danish=dansk, finnish=suomi=suomeksi, icelandic=íslenska, estonian=eesti, latvian=latviešu, lithuanian=lietuvių,
irish=gaeilge, welsh=cymraeg, scottish gaelic, catalan=català, basque=euskara, galician=galego, swahili=kiswahili,
zulu, afrikaans, amharic, somali, vietnamese, thai, indonesian, malay, tagalog, filipino, burmese, khmer, lao,
mongolian, tibetan, sanskrit, esperanto, yiddish
"""

_PROGRAMMING = """
python, java, javascript=js, typescript=ts, c++=cpp=c plus plus, c#=csharp=c sharp, C, F#=f sharp, R, golang, rust,
ruby, php, perl, scala, kotlin, haskell, erlang, elixir, clojure, lua, julia, matlab, fortran, cobol, pascal,
objective-c, dart, bash, powershell, sql, css, vba, prolog, lisp
"""

_SYSTEMS = """
windows, macos=mac=os x=osx=mac os, linux, ubuntu, debian, fedora, centos, arch linux, linux mint, rocky linux, alma
linux, red hat=rhel, kali linux, opensuse, android, ios, chromeos, freebsd
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
disney, pixar, marvel, dc comics, hbo, github, gitlab, bitbucket, dropbox, google drive, onedrive, icloud,
gmail=google mail, outlook, hotmail, salesforce=sfdc, oracle, sap, shopify, wordpress, wix, squarespace, squareup,
revolut, monzo, venmo, cash app, coinbase, binance, kraken, robinhood, etsy, ebay, aws=amazon web services, azure,
gcp=google cloud, heroku, vercel, openai, chatgpt, anthropic, claude, gemini, copilot, siri, alexa=amazon echo,
cortana
"""

_BROWSERS = "chrome, firefox, safari, edge browser, opera browser, brave browser, internet explorer=IE=IE11"
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
    "airport": _AIRPORTS,
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

PARTS: Final[dict[str, str]] = {
    "united kingdom": "england, scotland, wales, northern ireland",
    "ireland": "northern ireland",
    "linux": (
        "ubuntu, debian, fedora, centos, arch linux, linux mint, rocky linux, alma linux, red hat, kali linux, opensuse"
    ),
    "ios": "iphone, ipad",
    "macos": "macbook, imac",
    "apple inc": "iphone, ipad, macbook, imac, apple watch, icloud, siri, ios, macos, safari",
    "android": "galaxy, pixel phone",
    "samsung": "galaxy",
    "sony": "playstation",
    "google": "gmail, google drive, youtube, chrome, gcp, gemini, pixel phone",
    "microsoft": "outlook, hotmail, onedrive, azure, windows, skype, github, linkedin, copilot, xbox, sql server",
    "amazon": "alexa, aws, kindle",
    "meta": "facebook, instagram, whatsapp",
    "openai": "chatgpt",
    "anthropic": "claude",
    "christianity": "catholic, protestant, mormon",
}
"""Name to names of what belongs to it: where one prompt has the whole and the other the part, either may say enough."""

LANGUAGES: Final = _LANGUAGES
"""Natural languages, as what an answer may be asked in."""

NO_NAMES: Final = """
i i'm ok tv pc id ceo cv faq dm pm am ai it pdf url app apps internet web god mr mrs ms dr sir madam english monday
how what why when where who which is are do does can should could would will the a an if in on at for to of my your
and or but please best top good new old big first last people person man woman life love money time day year world
thx thanks thank ty tia pls plz cheers hi hello hey urgent question asap
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
