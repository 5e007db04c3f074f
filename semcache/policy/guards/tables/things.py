"""Kinds of things of which a question asks for the one or the other: animals, colours, parts of the body.

As in `names`: between commas; what stands after `=` is another word for it. Things of which one contains the other
(fruit and apple) are not in one kind.
"""

from __future__ import annotations

from typing import Final

_ANIMALS = """
dog=dogs=puppy=puppies, cat=cats=kitten=kittens, horse=horses=pony, cow=cows=cattle, pig=pigs, goat=goats,
sheep=lamb, rabbit=rabbits=bunny, hamster=hamsters, mouse=mice, rat=rats, chicken=chickens=hen=hens, duck=ducks,
turkey bird, goose=geese, parrot=parrots, eagle=eagles, owl=owls, penguin=penguins, fish=fishes, shark=sharks,
whale=whales, dolphin=dolphins, snake=snakes, lizard=lizards, turtle=turtles=tortoise, frog=frogs, snail=snails,
spider=spiders, bee=bees, ant=ants, mosquito=mosquitoes, butterfly=butterflies, lion=lions, tiger=tigers,
bear=bears, wolf=wolves, fox=foxes, elephant=elephants, giraffe=giraffes, monkey=monkeys, gorilla=gorillas,
camel=camels, deer, kangaroo=kangaroos
"""
_COLOURS = "red, blue, green, yellow, orange, purple=violet, pink, brown, black, white, grey=gray, beige, turquoise"
_BODY = """
head, neck, shoulder=shoulders, arm=arms, elbow=elbows, wrist=wrists, hand=hands, finger=fingers, thumb, chest, back
pain=backache, stomach=belly=tummy, hip=hips, leg=legs, knee=knees, ankle=ankles, foot=feet, toe=toes, eye=eyes,
ear=ears, nose, mouth, tongue, tooth=teeth, lip=lips, jaw, throat, skin, heart, lung=lungs, liver, kidney=kidneys,
brain, bladder, spine
"""
_METALS = """
gold=golden, silver, platinum, bronze, copper, aluminium=aluminum, steel, titanium, lead metal, zinc, nickel, tin,
iron
"""
_TIERS = "basic=starter, standard, premium, deluxe, enterprise"
_ACCOUNTS = "checking, savings, brokerage, mortgage"
_MEDICINES = """
ibuprofen=advil=motrin, paracetamol=acetaminophen=tylenol, aspirin, naproxen=aleve, amoxicillin, penicillin,
azithromycin, ciprofloxacin, metformin, insulin, lisinopril, atorvastatin=lipitor, omeprazole, warfarin, prednisone,
sertraline=zoloft, fluoxetine=prozac, xanax=alprazolam, adderall, ritalin, gabapentin, tramadol, codeine, morphine,
cetirizine=zyrtec, loratadine=claritin, benadryl, melatonin, viagra
"""
_DISEASES = """
diabetes, cancer, asthma, flu=influenza, cold sore, covid=coronavirus, malaria, dengue, tuberculosis, pneumonia,
bronchitis, hepatitis, arthritis, osteoporosis, anemia, depression, anxiety, adhd, autism, schizophrenia, dementia,
alzheimers, parkinsons, epilepsy, migraine=migraines, eczema, psoriasis, acne, measles, chickenpox, mumps, hiv=aids,
herpes, hypertension, hypotension, hyperthyroidism, hypothyroidism, diarrhea, constipation
"""
_FOODS = """
apple=apples, banana=bananas, orange juice, mango=mangoes, grape=grapes, strawberry=strawberries, lemon=lemons,
pineapple, potato=potatoes, tomato=tomatoes, carrot=carrots, onion=onions, garlic, rice, pasta=spaghetti, bread,
pizza, burger=burgers=hamburger, salad, soup, beef=steak, pork, salmon, tuna, shrimp=prawns, egg=eggs, cheese,
butter, sugar, salt, honey, chocolate, flour, tofu, mushroom=mushrooms, spinach, broccoli, cucumber
"""
_DRINKS = "water, milk, coffee, tea, beer, wine, vodka, whiskey=whisky, rum, gin, juice, lemonade, champagne, tequila"
_VEHICLES = """
car=cars=automobile, truck=trucks=lorry, bus=buses, train=trains, plane=airplane=aeroplane=airplanes, boat=boats,
ship=ships, bicycle=bike=bicycles, motorcycle=motorbike, scooter=scooters, helicopter=helicopters, van=vans,
taxi=cab, tram, subway
"""
_SUBJECTS = """
physics, chemistry, biology, mathematics=math=maths, geography, economics, philosophy, psychology, sociology, law,
medicine degree, engineering, accounting, statistics, algebra, calculus, geometry, trigonometry, astronomy, geology
"""
_JOBS = """
doctor=doctors=physician, nurse=nurses, dentist=dentists, lawyer=lawyers=attorney, teacher=teachers,
engineer=engineers, accountant=accountants, architect=architects, chef=chefs, plumber=plumbers,
electrician=electricians, carpenter=carpenters, pilot=pilots, journalist=journalists, pharmacist=pharmacists,
firefighter=firefighters, police officer, barber, librarian, photographer=photographers, translator=translators,
veterinarian=vet
"""
_ROOMS = "kitchen, bathroom, bedroom, living room, basement, attic, garage, balcony"
_MATERIALS = """
wood=wooden, plastic, glass, leather, cotton, wool, silk, linen, polyester, concrete, brick=bricks, marble, granite,
velvet
"""
_HOLIDAYS = "christmas=xmas, easter, halloween, thanksgiving, diwali, eid, hanukkah, ramadan, valentines"
_PAYMENTS = """
credit card, debit card, bank transfer, wire transfer, cheque=check payment, cash, zelle, apple pay, google pay
"""
_MONEY = """
usd=dollar=dollars=us dollar, eur=euro=euros, gbp=british pound=pounds sterling, jpy=yen, inr=rupee=rupees,
cny=yuan=rmb, chf=swiss franc, cad, aud, nzd, krw, mxn, brl, zar, sek, nok, dkk, pln, try lira
"""
_FILES = "pdf, docx=doc, xlsx=xls, csv, txt, png, jpg=jpeg, gif, mp3, mp4, zip, rar, json, xml, yaml, html, svg"
_PLANTS = """
rose=roses, tulip=tulips, orchid=orchids, cactus=cacti, basil, mint, lavender, bamboo, fern=ferns, oak, maple, pine
"""
_BOOKS = "bible, quran=koran, torah, bhagavad gita"
_APPLIANCES = """
dishwasher, washing machine=washer, dryer, refrigerator=fridge, freezer, oven, microwave, toaster, blender, vacuum
cleaner=vacuum, air conditioner=ac unit, heater, kettle
"""
_ELEMENTS = """
hydrogen, oxygen, nitrogen, carbon, helium, neon, argon, sodium, potassium, calcium, magnesium, chlorine,
sulfur=sulphur, uranium, plutonium
"""
_VITAMINS = "vitamin a, vitamin b=vitamin b12, vitamin c, vitamin d, vitamin e, vitamin k"
_CABINS = "first class, business class, economy class=coach class, premium economy"
_SPORTS = """
soccer, basketball, baseball, tennis, golf, volleyball, rugby, cricket match, hockey, swimming, cycling, boxing,
badminton, skiing, surfing, climbing
"""
_INSTRUMENTS = "guitar, piano, violin, drums, flute, cello, trumpet, saxophone, ukulele, clarinet, harp, banjo"

THINGS: Final[dict[str, str]] = {
    "animal": _ANIMALS,
    "colour": _COLOURS,
    "body": _BODY,
    "metal": _METALS,
    "tier": _TIERS,
    "account": _ACCOUNTS,
    "medicine": _MEDICINES,
    "disease": _DISEASES,
    "food": _FOODS,
    "drink": _DRINKS,
    "vehicle": _VEHICLES,
    "subject": _SUBJECTS,
    "job": _JOBS,
    "room": _ROOMS,
    "material": _MATERIALS,
    "holiday": _HOLIDAYS,
    "payment": _PAYMENTS,
    "money": _MONEY,
    "file": _FILES,
    "plant": _PLANTS,
    "scripture": _BOOKS,
    "appliance": _APPLIANCES,
    "element": _ELEMENTS,
    "vitamin": _VITAMINS,
    "cabin": _CABINS,
    "sport": _SPORTS,
    "instrument": _INSTRUMENTS,
}
"""Kind to things. Common words: two of them veto only where hardly anything else differs, one alone says nothing."""
