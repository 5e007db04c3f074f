"""TTL rules for what is one person's, in other languages than English. Data; see `ttl_rules`.

The owner alone says little: a dog may be mine as well, and a question about it can be shared. So most patterns want the
owner beside a thing that each has for himself (a balance, an order, an appointment), or the verb of a debt or a charge.
"How do I ..." is left to be shared, as it is in English.
"""

# ruff: noqa: E501  (a pattern is read as a whole)
from __future__ import annotations

from typing import Any, Final

_words = str.split


def _mine(owners: str, things: str) -> str:
    """Owner, at most one word, thing. Both are alternatives with a blank between them."""
    return rf"\b(?:{'|'.join(owners.split())}) (?:[\w-]+ )?(?:{'|'.join(things.split())})\b"


_LATIN: Final = [
    _mine(
        "mein meine meinen meiner meinem meines unser unsere unseren unserem unserer",
        "bestellung bestellungen bestellstatus konto kontostand guthaben saldo rechnung rechnungen termin termine name paket sendung lieferung flug "
        "karte kreditkarte buchung reservierung vertrag tarif abo abonnement gehalt zahlung überweisung erstattung rückerstattung urlaub "
        "urlaubstage resturlaub verbrauch umsätze adresse nachrichten kalender kreditlimit",
    ),
    _mine(
        "mi mis nuestro nuestra nuestros nuestras",
        "pedido pedidos saldo cuenta nombre cita citas factura facturas tarjeta reserva vuelo paquete envío entrega contrato suscripción tarifa "
        "reembolso pago pagos nómina sueldo vacaciones dirección mensajes correos calendario préstamo deuda",
    ),
    _mine(
        "mon ma mes notre nos",
        "commande commandes compte solde nom facture factures carte colis livraison rendez-vous vol contrat abonnement forfait remboursement paiement "
        "réservation salaire congés adresse messages mails e-mails agenda prêt dette",
    ),
    _mine(
        "mio mia miei mie nostro nostra nostri nostre",
        "ordine ordini conto saldo nome fattura fatture pacco volo carta spedizione consegna contratto abbonamento rimborso pagamento prenotazione "
        "appuntamento stipendio ferie indirizzo messaggi bolletta mutuo debito",
    ),
    _mine(
        "meu minha meus minhas nosso nossa nossos nossas",
        "pedido pedidos saldo conta nome encomenda fatura faturas cartão reserva voo pacote entrega contrato assinatura plano reembolso pagamento "
        "consulta salário férias endereço mensagens agenda empréstimo dívida",
    ),
    _mine(
        "mijn onze ons",
        "saldo bestelling bestellingen rekening naam afspraak pakket levering zending vlucht kaart creditcard boeking reservering contract abonnement "
        "factuur betaling terugbetaling salaris vakantiedagen adres berichten agenda lening schuld order",
    ),
    _mine(
        "mój moja moje mojego mojej moją moim nasz nasza nasze naszego naszej naszą",
        "zamówienie zamówienia saldo imię konto konta rachunek faktura fakturę paczka paczkę przesyłka przesyłkę lot karta kartę rezerwacja rezerwację "
        "umowa abonament zwrot płatność wizyta wypłata urlop adres dług",
    ),
    _mine(
        "můj moje mého moji mou náš naše našeho naši",
        "zůstatek objednávka objednávku objednávky účet účtu faktura fakturu balík zásilka zásilku karta rezervace rezervaci smlouva platba platbu let "
        "jméno výplata dovolená adresa dluh",
    ),
    _mine(
        "min mitt mine mina vår vårt våre våra vores",
        "ordre bestilling bestillingen beställning konto saldo faktura fakturan fakturaen pakke paket navn namn kort flyvning flyreise flyg bokning booking "
        "avtale avtal aftale abonnement abonnemang leveranse levering leverans lønn løn lön regning refusjon timeavtale",
    ),
    r"\b(?:bakiye|siparişi|fatura|kargo|tarife|ödeme|iade|sözleşme|şifre)m(?:i|ı|in|ın|de|da|den|dan|e|a|le|la)?\b"
    r"|\b(?:siparişi|paketi|randevu|rezervasyonu|uçuşu|hesabı|kartı|aboneliği|maaşı|borcu|kredi limiti|adı|adresi|izni)m(?:i|ı|u|ü|in|ın|un|ün|de|da|den|dan|e|a)?\b",
    r"\b(?:số dư|đơn hàng|tài khoản|hóa đơn|hoá đơn|gói hàng|bưu kiện|chuyến bay|lịch hẹn|cuộc hẹn|thẻ|hợp đồng|gói cước|lương|tên|khoản thanh toán|tiền hoàn)"
    r" (?:\w+ ){0,3}?(?:của )?(?:tôi|mình|chúng tôi)\b",
    r"\b(?:saldo|pesanan|akun|rekening|tagihan|paket|kartu|penerbangan|janji temu|langganan|kontrak|pembayaran|pengembalian dana|gaji|cuti|nama|reservasi|utang|hutang)"
    r" (?:\w+ )?(?:saya|aku|kami)\b|\b(?:saldo|pesanan|akun|rekening|tagihan|paket)ku\b",
]

_LATIN_VERBS: Final = [
    # German
    r"\b(?:schulde ich|schulden wir)\b|\b(?:wird|wurde|wurden|werden|hat|habt|haben) (?:ihr |sie |man )?(?:mir|uns|ich)\b.{0,40}\b(?:abgebucht|berechnet|belastet|erstattet|überwiesen|geliefert|zugestellt|geschickt)\b",
    r"^(?:habe|hab) ich (?:noch|schon|bereits)\b|^habe? ich .{0,30}\b(?:termine?|nachrichten|urlaubstage|guthaben|bezahlt|bestellt|gebucht)\b",
    r"^(?:welche[nrsm]?|wie ?viele?) (?:[\w-]+ ){0,2}?(?:tarif|vertrag|abo|konto|karte|termine?|urlaubstage|urlaub|punkte|guthaben|geld|bestellungen|rechnungen) (?:habe ich|haben wir)\b",
    # Spanish, Italian, Portuguese
    r"\b(?:cuánto|cuanto|quanto) (?:eu |les |os |le |te |vi |ti |lhes |vos )?(?:debo|debemos|devo|devemos|dobbiamo)(?: ya| todavía| ancora| ainda| pagar| pagare| en total)*[?!. ]*$",
    r"\b(?:cuánto|cuanto|quanto) (?:eu )?(?:he gastado|gasté|ho speso|abbiamo speso|gastei|ho pagato|paguei|he pagado)\b|\b(?:me|nos) (?:han|habéis|has|ha) (?:cobrado|cargado|enviado|pagado|reembolsado|devuelto|facturado|entregado)\b",
    r"\bmi (?:avete|hanno|hai|è stato|è stata) (?:addebitat|rimborsat|spedit|inviat|pagat|consegnat)\w{1,2}\b|\bfui cobrad[oa]\b|\bme cobraram\b",
    r"\b(?:qué|que|cuántos|cuántas) (?:plan|tarifa|contrato|citas?|reuniones|días de vacaciones|puntos|pedidos|facturas|saldo) (?:tengo|me quedan?)\b",
    r"\b(?:quanti|quale|che) (?:giorni di ferie|punti|piano|tariffa|contratto|abbonamento) (?:ho|mi restano)\b|\b(?:quantos|qual|que) (?:dias de férias|pontos|plano|contrato) (?:eu )?tenho\b",
    # French
    r"\bcombien (?:est-ce que )?(?:je (?:vous |te )?dois|dois-je|nous devons)(?: encore| payer| au total)*[?!. ]*$|\bcombien (?:ai-je|j'ai) (?:dépensé|payé|encore)\b"
    r"|\bai-je (?:été |déjà |encore |bien )*(?:débité|payé|facturé|prélevé|reçu|commandé|remboursé|réservé)|\b(?:m'a|m'avez|m'ont|m'a-t-on|m'avez-vous) (?:bien |déjà )*(?:débité|facturé|prélevé|remboursé|envoyé|livré)"
    r"|\bquel (?:forfait|abonnement|contrat) ai-je\b|\bcombien de (?:jours de congés?|points) (?:me reste|ai-je|il me reste)",
    # Dutch
    r"\b(?:ben ik|zijn we) (?:\w+ ){0,3}?(?:verschuldigd|schuldig|aangerekend|verzekerd|ingeschreven)\b|\b(?:hoeveel|wat) moet ik (?:nog |jullie |u )*betalen[?!. ]*$"
    r"|^heb ik (?:nog|al) .{0,30}\b(?:afspraken|afspraak|betaald|berichten|vakantiedagen|saldo|besteld|geboekt)\b|\bwelk (?:abonnement|contract|tarief) heb ik\b",
    # Polish, Czech
    r"\bile (?:\w+ ){0,2}?(?:jestem|jesteśmy) (?:\w+ ){0,2}?(?:winien|winna|winni|dłużny|dłużna)\b|\bkolik (?:\w+ ){0,2}?(?:dlužím|dlužíme)\b",
    # Norwegian, Danish, Swedish
    r"\bhvor (?:mye|meget) (?:skylder (?:jeg|vi)|har jeg (?:igjen|tilbage) på)\b|\bhur mycket (?:är jag skyldig|har jag kvar på)",
    # Turkish, Vietnamese, Indonesian
    r"\bne kadar borcum\b|\btôi (?:còn |đang )?nợ (?:bao nhiêu|\w+ bao nhiêu)\b|\bberapa (?:banyak )?(?:saya )?(?:ber)?h?utang saya\b",
]

OTHER_LANGUAGES: Final[list[dict[str, Any]]] = [
    {
        "name": "other_languages_own",
        "class": "personal",
        "words": _words(
            """
            mein meine meinen meiner meinem meines unser unsere unseren unserem unserer mir uns ich habe hab wir
            mi mis nuestro nuestra nuestros nuestras nos debo debemos cuánto cuanto quanto tengo quedan queda
            mon ma mes notre combien je mio mia miei mie nostro nostra nostri nostre ho restano meu minha meus
            minhas nosso nossa nossos nossas devo devemos dobbiamo tenho fui mijn onze ons ik zijn mój moja moje
            mojego mojej moją moim nasz nasza nasze naszego naszej naszą ile můj mého moji mou náš naše našeho
            naši kolik min mitt mina vår vårt våre våra vores hvor hur saya aku kami saldoku pesananku akunku
            rekeningku tagihanku paketku bakiyem bakiyemi bakiyemde faturam kargom iadem tarifem paketim
            randevum rezervasyonum m'a m'avez m'ont j'ai han ha <non-ascii>
            """
        ),
        "patterns": [*_LATIN, *_LATIN_VERBS],
        "unless": [
            r"^¿?(?:cómo (?!está|va\b)|como (?!está)|wie (?!hoch|viel|ist|lautet|lange|steht)|comment (?!va\b)|come (?!sta\b)|jak (?!wygląda|vypadá|wysok)"
            r"|hoe (?!hoog|veel|lang|staat)|hvordan (?!er|går)|hur (?!mycket|många|länge|går)|bagaimana (?!status)|cara )",
            r"^¿?(?:(?:dónde |wo |waar |dove |onde |gdzie |hvor |var |où )?(?:puedo|kann ich|kan ik|puis-je|posso|mogę|kan jeg|kan jag)|czy mogę|mohu)\b",
            r"\bnasıl\b|\b(?:làm thế nào|làm sao|cách để)\b",
        ],
    },
    {
        "name": "other_scripts_own",
        "class": "personal",
        "words": ["<non-ascii>"],
        "patterns": [
            # Russian
            r"\b(?:мо[йяеёию]|моего|моей|моём|моем|моих|наш|наша|наше|наши|нашего|нашей|нашу|у меня|у нас) (?:\w+ )?(?:заказ|баланс|сч[её]т|посылк|доставк|карт[аеуы]|подписк|тариф|договор|брон|рейс"
            r"|плат[её]ж|возврат|имя|адрес|запис[ьи]|зарплат|отпуск|кредит|задолженност|долг)\w{0,6}\b",
            r"\bсколько я (?:вам |ещё |еще |банку )*долж(?:ен|на)(?: вам| банку| заплатить| ещё| еще| за [\w ]{1,30})*[?!. ]*$|\bсколько (?:я (?:потратил|заплатил)а?|у меня (?:осталось|денег|на сч[её]те))\b"
            r"|\b(?:с меня|мне) (?:уже )?(?:списали|сняли|начислили|вернули|доставили|отправили)\b",
            # Arabic: the owner is the last letter
            r"(?<!\w)[وبل]?(?:رصيدي|طلبي|طلبيتي|حسابي|فاتورتي|شحنتي|طردي|حجزي|موعدي|بطاقتي|رحلتي|اشتراكي|دفعتي|راتبي|اسمي|عقدي|باقتي|ديوني)(?!\w)",
            # Hindi; a vowel's sign is no letter to `\b`
            r"(?<!\S)(?:मेरा|मेरी|मेरे|हमारा|हमारी|हमारे) (?:\S{1,30} )?(?:बैलेंस|खाता|खाते|ऑर्डर|शेष|बिल|पार्सल|पैकेज|बुकिंग|कार्ड|नाम|फ्लाइट|रिफंड|भुगतान|अपॉइंटमेंट|सदस्यता|वेतन|पता)(?![^\s?!.,।])"
            r"|मुझे (?:आपको )?कितना (?:देना|भुगतान)|मुझ पर कितना",
            # Japanese
            r"(?:私|わたし|僕|俺|自分|私たち|当社|弊社)の.{0,10}?(?:残高|注文|口座|アカウント|請求|荷物|予約|カード|フライト|名前|契約|プラン|支払|返金|給料|有給|住所|予定|配送|メール|メッセージ|ポイント)"
            r"|(?:注文|荷物|配送|返金|残高|予約)(?:した(?:もの|商品))?(?:の状況)?[はが]?(?:今|いま|もう|まだ)?(?:どこ|いつ届|いくら|届[いき]|確認(?:できて|されて)|どうなって)",
            # Korean
            r"(?<!\w)(?:내|제|나의|저의|우리|저희) (?:\S{1,20} )?(?:잔액|주문|계좌|계정|청구|택배|소포|예약|카드|항공편|이름|계약|요금제|결제|환불|급여|월급|휴가|연차|주소|일정|배송|구독|포인트|메일|메시지)"
            r"|(?<!\w)(?:주문한? ?(?:것|물건|상품)?|택배|배송|환불금?)(?:은|이|는|가)? (?:지금 |아직 |이미 )?(?:어디|언제 (?:와|오|도착)|왔|도착)",
        ],
        "unless": [
            r"^как (?:мне |я |можно |могу )*\w+(?:ть|ться|ти)\b|^(?:где|могу ли|можно ли) (?:я )?(?:могу|можно|\w+ть)\b|^(?:كيف|هل يمكن)|कैसे|方法|やり方|どうやって|どうすれば|するには|방법|어떻게"
        ],
    },
    {
        "name": "chinese_own",
        "class": "personal",
        "words": ["<non-ascii>"],
        "patterns": [
            r"我的?(?:账户|帐户|账号|余额|订单|快递|包裹|账单|额度|信用分|名字|生日|地址|手机号|密码|退款|预约|航班|日程|工资)(?:是|有|还|在|到|多|什|现|状|怎么还|为什么|吗|$)"
            r"|我(?:欠|叫什么|是谁|在哪|今天有|还剩|还有多少|花了多少)",
        ],
    },
]
"""German, Spanish, French, Italian, Portuguese, Dutch, Polish, Czech, Norwegian, Danish, Swedish, Turkish, Vietnamese,
Indonesian; Russian, Arabic, Hindi, Japanese, Korean; Chinese."""
