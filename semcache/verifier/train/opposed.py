"""Words that turn a question into another one: opposites, by what they oppose.

Verbs are listed in their base form and get their other forms by rule; irregular ones are spelled out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from semcache.verifier.train.values import listed

VERBS: Final = listed("""
    enable/disable activate/deactivate install/uninstall buy/sell lend/borrow import/export upload/download
    increase/decrease raise/lower include/exclude encode/decode encrypt/decrypt compress/decompress lock/unlock
    block/unblock subscribe/unsubscribe follow/unfollow mute/unmute freeze/thaw open/close start/stop
    begin/finish attach/detach connect/disconnect add/remove append/remove insert/delete create/delete
    save/delete show/hide accept/reject allow/forbid permit/prohibit approve/deny admit/deny hire/fire
    employ/dismiss win/lose gain/lose find/lose push/pull send/receive give/take arrive/depart enter/leave
    marry/divorce pass/fail succeed/fail love/hate praise/criticize attack/defend build/demolish
    construct/destroy expand/shrink extend/shorten lengthen/shorten strengthen/weaken tighten/loosen heat/cool
    warm/cool fill/empty load/unload pack/unpack zip/unzip wrap/unwrap fold/unfold bind/unbind
    register/unregister deposit/withdraw earn/spend save/waste remember/forget teach/learn agree/disagree
    appear/disappear rise/fall grow/shrink improve/worsen simplify/complicate minimize/maximize
    minimise/maximise multiply/divide upgrade/downgrade serialize/deserialize assemble/disassemble merge/split
    join/leave join/split inhale/exhale wake/sleep float/sink refuse/accept encourage/discourage support/oppose
    promote/demote publish/unpublish archive/unarchive sharpen/blunt dilute/concentrate melt/freeze
    inflate/deflate accelerate/brake prevent/cause avoid/cause trust/distrust respect/disrespect win/forfeit
    embark/disembark immigrate/emigrate inherit/bequeath cancel/renew ban/unban pause/resume hibernate/wake
    overestimate/underestimate overcook/undercook overfit/underfit overpay/underpay hydrate/dehydrate
    harden/soften brighten/dim darken/lighten thicken/thin forget/recall reward/punish obey/disobey pin/unpin
    tag/untag hide/unhide normalize/denormalize allocate/deallocate authorize/forbid validate/invalidate
    qualify/disqualify inspire/bore obtain/lose acquire/lose keep/discard
    """)
"""Verbs and what undoes or opposes them."""

IRREGULAR: Final = {
    verb: tuple(forms.split("/"))
    for verb, forms in (
        entry.split(":")
        for entry in listed("""
            buy:buys/bought/bought/buying sell:sells/sold/sold/selling lend:lends/lent/lent/lending
            freeze:freezes/froze/frozen/freezing begin:begins/began/begun/beginning hide:hides/hid/hidden/hiding
            unhide:unhides/unhid/unhidden/unhiding forbid:forbids/forbade/forbidden/forbidding
            win:wins/won/won/winning lose:loses/lost/lost/losing find:finds/found/found/finding
            send:sends/sent/sent/sending give:gives/gave/given/giving take:takes/took/taken/taking
            leave:leaves/left/left/leaving build:builds/built/built/building
            shrink:shrinks/shrank/shrunk/shrinking bind:binds/bound/bound/binding
            unbind:unbinds/unbound/unbound/unbinding withdraw:withdraws/withdrew/withdrawn/withdrawing
            spend:spends/spent/spent/spending forget:forgets/forgot/forgotten/forgetting
            teach:teaches/taught/taught/teaching rise:rises/rose/risen/rising fall:falls/fell/fallen/falling
            grow:grows/grew/grown/growing split:splits/split/split/splitting wake:wakes/woke/woken/waking
            sleep:sleeps/slept/slept/sleeping sink:sinks/sank/sunk/sinking show:shows/showed/shown/showing
            stop:stops/stopped/stopped/stopping wrap:wraps/wrapped/wrapped/wrapping
            unwrap:unwraps/unwrapped/unwrapped/unwrapping zip:zips/zipped/zipped/zipping
            unzip:unzips/unzipped/unzipped/unzipping admit:admits/admitted/admitted/admitting
            permit:permits/permitted/permitted/permitting ban:bans/banned/banned/banning
            unban:unbans/unbanned/unbanned/unbanning pin:pins/pinned/pinned/pinning
            unpin:unpins/unpinned/unpinned/unpinning tag:tags/tagged/tagged/tagging
            untag:untags/untagged/untagged/untagging overfit:overfits/overfit/overfit/overfitting
            underfit:underfits/underfit/underfit/underfitting overpay:overpays/overpaid/overpaid/overpaying
            underpay:underpays/underpaid/underpaid/underpaying cancel:cancels/cancelled/cancelled/cancelling
            pull:pulls/pulled/pulled/pulling keep:keeps/kept/kept/keeping dim:dims/dimmed/dimmed/dimming
            thin:thins/thinned/thinned/thinning
            """)
    )
}
"""Third person, past, participle, -ing of those that follow no rule."""

WORDS: Final = {
    "antonym": listed("""
        good/bad hot/cold hotter/colder warm/cool wet/dry rich/poor strong/weak hard/easy difficult/easy
        hard/soft thick/thin wide/narrow deep/shallow loud/quiet bright/dark clean/dirty safe/dangerous
        safe/unsafe legal/illegal healthy/unhealthy happy/sad happy/unhappy lucky/unlucky fair/unfair
        polite/rude public/private internal/external indoor/outdoor indoors/outdoors domestic/international
        domestic/foreign local/remote local/global online/offline manual/automatic manually/automatically
        temporary/permanent temporarily/permanently positive/negative active/inactive valid/invalid
        visible/invisible complete/incomplete dependent/independent possible/impossible legible/illegible
        formal/informal mature/immature moral/immoral rational/irrational regular/irregular relevant/irrelevant
        reversible/irreversible responsible/irresponsible mutable/immutable finite/infinite direct/indirect
        linear/nonlinear static/dynamic synchronous/asynchronous implicit/explicit true/false convex/concave
        vertical/horizontal vertically/horizontally clockwise/counterclockwise ascending/descending
        forward/backward forwards/backwards inner/outer upper/lower front/rear north/south northern/southern
        east/west eastern/western left-handed/right-handed raw/cooked fresh/stale fresh/frozen sweet/sour
        sweet/bitter alive/dead guilty/innocent single/married introverted/extroverted introvert/extrovert
        optimistic/pessimistic optimist/pessimist religious/atheist liberal/conservative left-wing/right-wing
        democrat/republican democrats/republicans ancient/modern wild/domesticated edible/poisonous
        natural/artificial organic/synthetic opaque/transparent attractive/unattractive beautiful/ugly
        smart/stupid intelligent/stupid rare/common expensive/cheap full-time/part-time short-term/long-term
        advantages/disadvantages advantage/disadvantage pros/cons benefits/drawbacks benefits/risks
        strengths/weaknesses strength/weakness success/failure profit/loss profits/losses income/expenses
        revenue/expenditure asset/liability assets/liabilities supply/demand inflation/deflation summer/winter
        spring/autumn morning/evening daytime/nighttime sunrise/sunset day/night breakfast/dinner entrance/exit
        arrival/departure arrivals/departures cause/cure causes/effects input/output inputs/outputs
        prefix/suffix numerator/denominator minima/maxima inside/outside above/below within/outside
        upstairs/downstairs uphill/downhill war/peace heaven/hell theists/atheists protagonist/antagonist
        victory/defeat compression/decompression encryption/decryption installation/uninstallation
        activation/deactivation integration/differentiation oxidation/reduction cathode/anode acidic/alkaline
        endothermic/exothermic introverts/extroverts hypertension/hypotension overweight/underweight oily/dry
        spicy/mild fiction/nonfiction fictional/real singular/plural masculine/feminine active/passive
        frontend/backend front-end/back-end client-side/server-side horizontal/vertical readable/writable
        debit/credit deposits/withdrawals winners/losers winner/loser optimists/pessimists import/export
        imports/exports immigrants/emigrants immigration/emigration
        """),
    "order": listed("""
        before/after first/last previous/next earlier/later former/latter early/late ancestors/descendants
        predecessor/successor preceding/following yesterday/tomorrow oldest/newest """),
    "superlative": listed("""
        best/worst better/worse highest/lowest higher/lower high/low largest/smallest larger/smaller large/small
        biggest/smallest bigger/smaller big/small longest/shortest longer/shorter tallest/shortest
        taller/shorter fastest/slowest faster/slower fast/slow strongest/weakest stronger/weaker richest/poorest
        richer/poorer easiest/hardest easier/harder hottest/coldest warmest/coldest oldest/youngest
        older/younger old/young heaviest/lightest heavier/lighter deepest/shallowest widest/narrowest
        thickest/thinnest safest/riskiest nearest/farthest closest/farthest nearer/farther cheapest/dearest
        smartest/dumbest happiest/saddest healthiest/unhealthiest brightest/darkest loudest/quietest
        earliest/latest simplest/hardest greatest/smallest greater/smaller more/less most/least maximum/minimum
        maximize/minimize always/never often/rarely frequently/rarely increasing/decreasing
        """),
    "role": listed("""
        student/teacher students/teachers employee/employer employees/employers buyer/seller buyers/sellers
        landlord/tenant landlords/tenants doctor/patient doctors/patients parent/child parents/children
        husband/wife husbands/wives boyfriend/girlfriend brother/sister brothers/sisters mother/father
        mothers/fathers mom/dad moms/dads son/daughter sons/daughters uncle/aunt king/queen actor/director
        customer/supplier customers/suppliers lender/borrower lenders/borrowers borrower/lender driver/passenger
        drivers/passengers author/reader authors/readers interviewer/interviewee plaintiff/defendant
        victim/offender sender/recipient sender/receiver client/server producer/consumer producers/consumers
        host/guest hosts/guests master/slave predator/prey coach/player coaches/players grandmother/grandfather
        nephew/niece
        """),
    "scope": listed("""
        men/women man/woman boys/girls boy/girl guys/girls male/female males/females children/adults kids/adults
        child/adult beginners/experts beginner/expert freshers/seniors cats/dogs cat/dog husbands/wives
        babies/adults teenagers/retirees citizens/foreigners resident/visitor residents/visitors everyone/nobody
        everybody/nobody everything/nothing full/partial whole/half entire/half households/businesses
        startups/corporations undergraduate/postgraduate undergraduates/postgraduates vegetarians/meat-eaters
        civilians/soldiers
        """),
    "object": listed("""
        iphone/android windows/linux laptop/phone laptops/phones email/letter emails/letters username/password
        headache/toothache lungs/kidneys liver/heart eyes/ears hands/feet hair/teeth coffee/tea beer/wine
        hotel/apartment house/apartment books/films movies/books football/tennis guitar/piano math/history
        mathematics/chemistry physics/biology chemistry/physics salary/pension bachelor's/master's
        bachelors/masters ios/android mac/windows video/audio videos/photos novel/poem essay/poem novels/poems
        rows/columns row/column array/dictionary temperature/pressure mass/volume
        speed/acceleration symptoms/causes symptoms/treatments treatment/diagnosis
        """),
    "question": listed("""
        causes/consequences meaning/pronunciation definition/history origin/future symptoms/risks height/age
        salary/qualifications syllabus/fees cutoff/fees distance/fare eligibility/fees
        """),
    "time": listed("""
        weekly/monthly daily/weekly monthly/yearly hourly/daily annually/monthly tonight/tomorrow
        weekend/weekday weekends/weekdays century/decade week/month weeks/months month/year hours/days
        minutes/hours past/future
        """),
}
"""Other opposites, by the kind of trap that they make."""

PHRASES: Final = {
    "antonym": (
        "turn on/turn off",
        "turned on/turned off",
        "turning on/turning off",
        "switch on/switch off",
        "switched on/switched off",
        "log in/log out",
        "logging in/logging out",
        "sign in/sign out",
        "check in/check out",
        "opt in/opt out",
        "plug in/unplug",
        "gain weight/lose weight",
        "weight loss/weight gain",
        "gaining weight/losing weight",
        "put on weight/lose weight",
        "lose weight/gain weight",
        "in favor of/against",
        "in favour of/against",
        "fall asleep/stay awake",
        "get up/go to bed",
        "speed up/slow down",
        "speeding up/slowing down",
        "fade in/fade out",
        "zoom in/zoom out",
        "scale up/scale down",
        "go up/go down",
        "turn up/turn down",
        "move in/move out",
        "get in/get out of",
        "pay off/take out",
        "well paid/badly paid",
        "allowed to/forbidden to",
        "fall in love/fall out of love",
        "left side/right side",
        "left hand/right hand",
        "left brain/right brain",
        "left eye/right eye",
        "on time/late",
        "for free/for money",
        "too much/too little",
        "too many/too few",
        "high school/primary school",
    ),
    "superlative": (
        "at least/at most",
        "more than/less than",
        "greater than/less than",
        "cheapest/most expensive",
        "most expensive/cheapest",
        "cheaper/more expensive",
        "more expensive/cheaper",
        "most difficult/easiest",
        "most important/least important",
        "most popular/least popular",
        "most common/rarest",
        "most dangerous/safest",
        "most beautiful/ugliest",
        "longest/shortest",
    ),
    "scope": (
        "for beginners/for advanced learners",
        "with kids/without kids",
        "for men/for women",
        "for women/for men",
        "for children/for adults",
        "for kids/for adults",
        "by myself/with a group",
        "at home/at work",
        "at work/at home",
        "at school/at home",
    ),
    "time": (
        "this week/next week",
        "last week/next week",
        "this year/last year",
        "last year/next year",
        "next year/last year",
    ),
    "object": ("capital of/population of", "ceo of/headquarters of", "author of/plot of", "price of/weight of"),
    "order": ("the day before/the day after", "prior to/following", "ahead of/behind"),
}
"""Opposites of several words."""

UNTOUCHED: Final = tuple(
    each.replace("_", " ")
    for each in listed("""
    show_me show_us can_you_show you_remember phone_number phone_numbers area_code save_me american_airlines
    american_express british_airways
    high_school open_source open-source at_first first_of_all years_old year_old months_old at_last best_friend
    best_buy last_name_change right_now all_right hard_drive hard_disk hard_copy hot_dog cold_war cold_fusion
    cold_call deep_learning deep_web dark_web dark_matter dark_energy dark_mode black_hole big_data big_bang
    big_deal small_talk small_business short_story fast_food good_morning good_night good_evening good_bye
    good_luck new_year common_sense common_man even_though even_if even_when even_a not_even or_even true_love
    like_to would_like feel_like look_like looks_like is_like be_like like_a like_the like_this it_like i_like
    what_like things_like sites_like apps_like something_like more_or_less any_more anymore no_more much_more
    once_more what_more one_more some_more most_of most_people most_likely more_about more_and_more know_more
    read_more day_to_day day_by_day every_day per_day days_a of_the_day day_of cause_of_death save_for
    first_world third_world first_name first_class first_time first-time first_day last_name spring_boot
    spring_framework spring_mvc over_the over_a all_over over_and takes_over take_over get_over go_over win_over
    fall_in fall_into fall_apart falls_in fall_for fall_out find_out find_a keep_in keep_on give_up given_up
    give_a give_me giving_up take_care take_place take_part take_a take_for take_to take_off take_over takes_to
    take_me taken_to start_up start-up add_up show_up stand_up end_of in_the_end end_up week_end love_letter
    love_story in_love love_life like_you pass_away passed_away pass_out join_in open_up close_to close_friend
    close_relationship ask_for ask_out asking_for learn_about late_night light_year light_years light_bulb
    speed_of_light light_weight front_of down_on even_more full_form full_stop full_stack in_full full_time
    single_most single_person single_out natural_language natural_selection public_school private_school
    private_key public_key native_american north_korea south_korea north_america south_america north_africa
    south_africa south_india north_india south_asia west_bengal west_bank middle_east far_east east_india
    north_dakota south_dakota north_carolina south_carolina west_virginia north_pole south_pole northern_ireland
    wild_west eastern_europe western_europe united_states american_football windows_10 windows_7 men_and_women
    boys_and_girls husband_and_wife mother_tongue mother_in_law parent_company mother_board master_degree
    master's_degree spider_man spider-man iron_man king_kong burger_king hot_spot blue_whale dead_body dead_sea
    dry_ice dry_cleaning wet_dream raw_data warm_up cool_down sweet_potato true_story false_flag
    positive_attitude acid_rain base_salary heart_attack heart_disease hair_loss hands_on second_hand first_hand
    bus_stop bus_driver train_station credit_card credit_score debit_card facebook_page love_to hate_to
    before_i_die student_loan student_visa child_abuse child_labor daily_life daily_basis long_way long_time
    as_long_as so_long no_longer long_distance short_term_loan ever_after look_after looking_after take_after
    named_after soon_after shortly_after bachelor's_degree rich_text strong_ai world_war war_and_peace
    peace_of_mind peace_corps star_wars civil_war right_to base_on based_on base_of
    """)
)
"""Where a word is part of another thing, or its opposite would change nothing or make no sense."""


def _forms(verb: str) -> tuple[str, str, str, str, str]:
    """Base, third person, past, participle, -ing."""
    if verb in IRREGULAR:
        third, past, participle, ing = IRREGULAR[verb]
        return verb, third, past, participle, ing
    if verb.endswith("e"):
        return verb, f"{verb}s", f"{verb}d", f"{verb}d", f"{verb[:-1]}ing"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb[:-1]}ied", f"{verb}ing"
    third = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z")) else f"{verb}s"
    return verb, third, f"{verb}ed", f"{verb}ed", f"{verb}ing"


@lru_cache(maxsize=1)
def opposites() -> dict[str, tuple[tuple[str, str], ...]]:
    """By word or phrase in lower case: what opposes it, and the kind of trap that makes."""
    found: dict[str, list[tuple[str, str]]] = {}

    def learn(a: str, b: str, kind: str) -> None:
        for one, other in ((a, b), (b, a)):
            if one != other and (other, kind) not in found.setdefault(one, []):
                found[one].append((other, kind))

    for pair in VERBS:
        a, b = pair.split("/")
        for one, other in zip(_forms(a), _forms(b), strict=True):
            learn(one, other, "antonym")
    for kind, pairs in WORDS.items():
        for pair in pairs:
            a, b = pair.split("/")
            learn(a, b, kind)
    for kind, phrases in PHRASES.items():
        for phrase in phrases:
            a, b = phrase.split("/")
            found.setdefault(a, []).append((b, kind))
            if " " in b:
                found.setdefault(b, []).append((a, kind))
    for name in ("rose", "left", "found", "thin", "saw"):
        # other words before they are forms of these verbs
        found.pop(name, None)
    return {word: tuple(others) for word, others in found.items()}
