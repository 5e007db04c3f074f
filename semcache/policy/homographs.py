"""Capitalised words that mean something else in lower case; title-case folding leaves them alone.

Being in the list costs a little reuse ("Apple" and "apple" stay two keys) and never an answer, so it is broad: names
of peoples, places, persons, firms, products, programming languages, heavenly bodies, bands and films that are also
English words. Words that mostly open a question or an order ("Make", "Play", "Note") are not in it.
This module is data.
"""

from __future__ import annotations

from typing import Final

_PLACES = """
Bar Barking Bath Battle Bend Bermuda Bologna Bordeaux Boring Brest Brie Buffalo Burgundy Bury Cairo Canton Cayenne
Chad Champagne Cheddar Chile China Cognac Cologne Concord Cork Cyprus Damascus Dame Deal Delhi Delta Derby Dover
Dutch Earth East Eye Flint Florence Georgia Guinea Ham Hell Hull Independence Jamaica Japan Java Jersey Jordan
Lancaster Lens Lima Limerick Lincoln Lourdes Madeira Madras Mali Malta Man Manila March Marches Mobile Morocco Mull
Nice Niger Nome Normal Normandy North Orange Orient Over Panama Parma Perth Phoenix Plains Plymouth Poole Port
Portland Providence Reading Rum Rugby Rye Sable Sale Salt Sandwich Sandy Sardinia Seven Shanghai Sienna Skye Slough
Sole South Split Stilton Surrey Tangier Tours Troy Turkey Tweed Wales Ware Waterloo Wells West Worcester York Yorks
"""

_PEOPLES_AND_CREEDS = """
Afghan Afghans Berber Bohemian Brazilian Catholic Cherokee Chinese Christian Conservative Conservatives Cornish
Creole Croat Czech Dane Danish Democrat Democratic Dutch Finn French Frank German God Gods Goth Gothic Greek Green
Greens Gypsy Hessian Host Indian Indians Labour Lao Latin Liberal Liberals Libertarian Lord Lords Mass Moor Moors
Moroccan Mormon Native Natives Norman Orthodox Pole Poles Polish Pope Republican Republicans Roman Romance Romany
Scot Scotch Scots Seal Slav Spartan Swede Swedes Swiss Thai Tory Turk Turkish Union Unionist Vandal Vandals Welsh
Zulu
"""

_MONTHS_DAYS_STARS = """
Advent Aquarius Aries Atlas August Autumn April Cancer Capricorn Comet Easter Epiphany Gemini Ganymede Io Jupiter
June Juno Leo Lent Libra March Mars May Mercury Moon Neptune Nova Pisces Pluto Saturn Scorpio Spring Sol Sun Taurus
Titan Titania Uranus Venus Vesta Virgo Winter
"""

_PERSONS = """
Abbott Abe Alan Albert Ali Amber An Angel Angelica Anna Archer Art Ash Banks Barb Barker Barnes Basil Baker Bass
Bean Beck Bell Belle Ben Berg Berry Bill Bills Bird Bishop Black Bloom Bob Bolt Bond Bonds Bono Booth Bowie Brady
Brandy Brooks Brown Bruce Buck Bud Bull Burns Burr Bush Butler Cage Cain Carol Carpenter Carter Case Cash Chance
Charity Chase Chastity Chip Chuck Church Clay Clement Cliff Clove Colt Conway Cook Cooper Coral Cotton Crane
Crawford Cross Crow Crowe Cruise Cruz Crystal Curry Curt Daisy Dale Dan Daniel Dash Dawn Day Dean Decker Dee Den
Depp Destiny Dick Diesel Dix Dixie Dobby Dolly Don Dot Drake Drew Duke Dusty Earl Ebony Eden Else Emerald Ernest Eve
Faith Faithful Farmer Fawn Fern Field Fields Finch Fisher Flash Fleming Flint Flora Flower Ford Forest Foster Fox
Franc Frank Freeman Frost Gable Gale Garland Garnet Garner Gates Gay Gene Ginger Glen Glass Gore Grace Graham Grant
Gray Green Grey Guy Hale Hall Hamm Hank Happy Hardy Harmony Harper Harry Hart Hawk Hawking Hawkins Hay Hayes Haze
Hazel Head Heath Heather Henry Herb Hill Hills Holly Home Honey Hooker Hope House Hunt Hunter Huntsman Iris Ivory
Ivy Jack Jade Jay Jasmine Jenny Jimmy Job Jobs Joey John Johns Johnny Josh Joy Joyce Judge Julep June Justice Kale
Ken Kent Kerry King Kings Kirk Kit Knight Lamb Lambert Lance Land Lane Lark Law Laws Lawless Leach Lee Les Levy Lily
Little Long Lopes Louis Love Lovely Low Lynch Mac Madonna Maggie Major Mamba Mare Marina Mark Marks Marsh Mason
Masters Mat Matt Max Maxwell Mead Melody Mercy Merry Mike Miles Mill Miller Mills Misty Mo Moby Moe Monk Moody Moore
Moss Murphy Musk Myrtle Nelly Nelson Newman Newton Nick Noble Noel Norm Ocean Olive Oliver Opal Owens Pace Page
Paige Park Parks Parson Parsons Pat Patience Patsy Pearl Peck Penny Pepper Perk Perry Pete Peter Piers Pierce Piper
Pitt Plum Poe Pope Poppy Porter Post Potter Pound Powers Precious Price Prime Prince Prudence Queen Queens Quill
Rafter Randy Raven Ray Red Reed Reese Rein Rex Rice Rich Ridge River Rivers Rob Robin Robins Rocky Rod Rogue Roman
Rook Rory Rose Ross Rowan Ruby Rue Rush Rusty Ruth Sadie Sage Said Sally Sand Sanders Sandy Sasha Savage Sawyer Sean
Seal Serena Seymour Sharp Shaw Shell Shepherd Short Sierra Silk Silver Skip Skipper Sky Slater Slick Small Smart
Smith Snow Sonny Spears Spike Stark Starr Stew Sting Stone Storm Stormy Strange Street Strong Sue Summer Summers
Sunny Swan Sweet Swift Sydney Tab Tad Tanner Tate Taylor Ted Teddy Temple Terry Thorn Tiffany Tiger Todd Tom Tommy
Tony Tray Trinity Trip Trump Tucker Turner Tyler Tyson Usher Van Vance Vera Vic Victor Victoria Viola Violet Virgil
Wade Walker Wall Walls Walton Ward Warden Warner Warren Washington Watt Watts Wayne Weaver Webb Weber Weeks Weir
Wells West Wharf Wheeler White Wick Wild Wilde Will Wills Willow Wise Wolf Wolfe Wood Woods Woody Worth Wren Wright
Yang Yam Yates Young Zed
"""

_FIRMS_AND_PRODUCTS = """
Accord Acorn Adobe Alphabet Amazon Amazons Android Anthem Apple Apples Asana Audible Audi Avatar Beetle Bing
Blizzard Block Bluetooth Bounty Brave Bumble Camel Campbell Caterpillar Chrome Circle Citizen Civic Claude Coach
Coke Converse Copilot Corona Coursera Crest Dart Delta Diamond Discord Discover Disney Dodge Dove Eclipse Edge
Element Eclair Ember Epic Excel Explorer Fiesta Fitbit Flex Focus Foundation Frontier Gain Galaxy Gap Gemini General
Giant Glue Golf Gong Google Guess Hinge Hotmail Hyperloop Illustrator Impala Impulse Infinity Instant Intel Jaguar
Kayak Kindle Leaf Lexus Limited Lotus Lumen Lush Lyft Mac Macs Magnet Mandarin Mars Maps Matrix Maverick Medium Meet
Messenger Meta Mint Monday Monster Mustang Nest Nexus Notion Oasis Office Opera Oracle Orbit Outlook Palm Panda
Paramount Patron Pilot Pixel Polo Prime Puma Quest Raspberry Ring Robinhood Rover Safari Saturn Shell Signal Sketch
Skype Slack Snap Snapchat Southwest Spark Spectrum Spirit Sprint Sprite Square Stack Staples Steam Stripe Subway
Surface Target Teams Tesla Tide Time Times Tinder Tor Trident Twitch Uber Unity United Unreal Valve Vanguard Venmo
Viber Vine Virgin Visa Vista Volt Wave Windows Word Yelp Zoom Zip
"""

_SOFTWARE = """
Access Actor Ada Airflow Alpine Angular Ant Apache Arrow Athena Atom Aurora Avro Babel Backbone Bash Basic Bazel
Beam Bison Bottle Bower Bun Caffe Camel Cargo Cassandra Celery Chef Click Cobra Cocoa Coffee Consul Crystal Cypress
Dagger Dask Deno Django Docker Drill Echo Elixir Elm Emacs Enzyme Erlang Express Falcon Fish Flask Flink Flow
Flutter Fortran Gin Git Go Gradle Grunt Groovy Gulp Helm Hibernate Hive Iceberg Ionic Iris Jasmine Java Jest Julia
Jupyter Kafka Karma Keras Knife Kotlin Lambda Laravel Less Lisp Locust Logo Lua Luigi Make Maven Maya Metal Mocha
Mongo Neo Next Nim Node Nomad Octave Oracle Packer Pandas Parcel Pascal Perl Phoenix Pig Poetry Polars Postman
Presto Processing Prolog Prometheus Puppet Puppeteer Pyramid Python Racket Rails Rake React Redis Redshift Requests
Rider Rome Ruby Rust Sails Salt Sass Scala Scheme Scratch Selenium Serverless Sidecar Sinatra Smalltalk Snowflake
Solidity Spacy Spark Sphinx Spinnaker Spring Storm Struts Sublime Svelte Swarm Swift Terraform Tornado Torch Trio
Turbo Vagrant Vault Vim Vite Vue Vulkan Wasp Yarn Zig
"""

_TITLES = """
Alien Aliens America Armageddon Arrival Asia Band Batman Beatles Bible Big Blur Bones Boston Boxer Brave Bread Cars
Castle Cats Chicago Clue Coco Community Congress Constitution Cream Creed Crown Dexter Divergent Doors Dracula Dune
Eagles Empire Encounter Europa Europe Fargo Fire Foreigner Friends Fringe Frozen Future Galaxies Garbage Genesis
Girls Gladiator Glee Gladiators Gravity Hamilton Heart Heat Heroes Hits Hole Holocaust House Inception Inferno
Internet Interstellar Inside Jaws Joker Journey Kiss Labyrinth Lost Luther Magic Matrix Minions Muse Narcos Nirvana
Numbers Oasis Odyssey Olympics Ozark Parasite Parliament Pentagon Pink Poison Police Power Prey Psycho Psych Pulp
Revelation Rent Risk Saw Scandal Scream Scrubs Seinfeld Senate Signs Sin Soul Speed State States Stones Suits Sunset
Supernatural Taken Thor Titanic Titans Tool Traffic Train Trolls Twilight Unbroken Us Vertigo Victorian Wicked Wings
Yes
"""

HOMOGRAPHS: Final = frozenset(
    word
    for words in (
        _PLACES,
        _PEOPLES_AND_CREEDS,
        _MONTHS_DAYS_STARS,
        _PERSONS,
        _FIRMS_AND_PRODUCTS,
        _SOFTWARE,
        _TITLES,
    )
    for word in words.split()
) - {"Make", "Time", "Over", "Else", "An", "Home", "Short", "General"}
"""Never folded, wherever they stand."""

_TITLE_WORDS = """
After Away Before Down Her Here Him His It Its Now Off Out She Some Then There These They Thing Up Us We Who Yours Must
Need No Once One Only Same Such Than Three Two
"""
TITLES_INSIDE: Final = frozenset(_TITLE_WORDS.split())
"""Function words that are titles of films, books or bands inside a sentence ("Who directed Up"): they fold only at
its start. Question words and the commonest ones are not here, for whole questions are written In Title Case."""

REVISION: Final = 1
"""Raised with every change of the lists: it is part of the normaliser's version."""
