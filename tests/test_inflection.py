"""word~ stands for every usual form of a word: paradigms of the three languages, and words that are not forms."""

from __future__ import annotations

from functools import cache

import pytest
import yaml

from modassist.model import Span
from modassist.resources import rules_root
from modassist.rules.copies import Copy
from modassist.rules.inflection import Inflection
from modassist.rules.phrases import Grammar
from modassist.rules.search import Search

FINNISH_NOUNS = {
    "laite": "laite laitteen laitetta laitteessa laitteeseen laitteita laitteiden laitteissa laitteeni laitteessanikin laitteenne laitteeks laittees laitteistaan laitteelle laitteiltamme",
    "vika": "vian vikaa viassa vikaan viat vikoja vikojen vioissa vikoihin viankin vikahan",
    "käsi": "käden kättä kädessä käteen kädet käsiä käsien käsissä käteni",
    "nainen": "naisen naista naisessa naiseen naiset naisia naisten naisille",
    "kysymys": "kysymyksen kysymystä kysymykseen kysymyksiä kysymysten kysymyksissä kysymykseeni kysymykseni",
    "virhe": "virheen virhettä virheeseen virheitä virheiden virheistä",
    "puhelin": "puhelimen puhelinta puhelimeen puhelimia puhelimien puhelinten puhelimeni puhelimessanikaan",
    "hidas": "hitaan hidasta hitaat hitaita",
    "rikkinäinen": "rikkinäisen rikkinäistä rikkinäisenä rikkinäiset rikkinäisiä",
    "takuu": "takuun takuuta takuuseen takuita takuiden takuusta",
    "akku": "akun akkua akkuun akut akkuja akkujen akuissa akkuni",
    "laturi": "laturin laturia laturiin laturit latureita latureiden laturien laturissa latureja",
    "mahdollisuus": "mahdollisuuden mahdollisuutta mahdollisuuksia mahdollisuuteen",
    "koe": "kokeen koetta kokeet",
    "tarve": "tarpeen tarvetta tarpeeseen",
    "rengas": "renkaan rengasta renkaat",
    "asiakas": "asiakkaan asiakkaat asiakkaille asiakasta asiakkaita",
    "ongelma": "ongelman ongelmia ongelmien ongelmissa ongelmaan",
    "päivitys": "päivityksen päivitystä päivitykset päivitysten päivityksiin",
    "työ": "työn töitä töiden työhön",
    "aika": "ajan aikaa aikaan aikoja ajat",
    "ongelmaton": "ongelmattoman ongelmatonta ongelmattomia",
    "parempi": "paremman parempaa paremmat parempia",
    "uusi": "uuden uutta uudet uusia uusien uuteen",
    "pieni": "pienen pientä pienet pieniä",
    "hyvä": "hyvän hyviä hyvien",
    "tuote": "tuotteen tuotteita",
    "osa": "osia osien osaa osat",
    "kauppa": "kaupan kaupassa kauppaan kauppoja kaupoista",
    "tilaus": "tilauksen tilausta tilaukseni tilaukset",
    "toimitus": "toimituksen toimitusta",
    "hinta": "hinnan hintaa hinnat hintoja hinnoissa",
    "ranta": "rannalla",
    "lupa": "luvan luvat lupia",
    "apu": "avun apua",
    "raha": "rahat rahojen rahani rahoja",
    "kone": "koneen koneessa konetta",
    "sähköposti": "sähköpostin sähköpostia sähköposteja sähköpostiin",
    "palvelu": "palvelun palveluja palveluita palvelua",
    "rikkoutunut": "rikkoutuneen rikkoutunutta rikkoutuneet",
    "lasku": "laskun laskut laskuja",
    "jälki": "jäljen jälkiä jäljet",
    "näyttö": "näytön näyttöä näytöllä näyttöjen",
    "lämmin": "lämpimän lämmintä",
}
FINNISH_VERBS = {
    "toimia": "toimii toimi toimin toimivat toiminut toiminu toimineet toimisi toimis toimiva toimivan toimivaa toimimaan toimimasta toimiessa toimita toimitaan toimiiko toimikohan toimivaksi toimimaton",
    "rikkoutua": "rikkoutui rikkoutunut rikkoutuneen rikkoutuu rikkoudu rikkoutuvat rikkoutuisi rikkoutunu rikkoutuivat rikkoutumaan rikkoutuneet",
    "korjata": "korjaan korjaa korjasi korjasin korjannut korjannu korjattiin korjataan korjattu korjattiinko korjaisi korjaamaan korjaamatta korjaava korjattava korjattavaksi korjaavat korjaatte korjaaminen",
    "auttaa": "auttaa auta autan auttoi autoitte auttanut auttaisi autetaan autettiin autettu auttakaa auttamaan auttanu auttavat",
    "saada": "saa saan sai sain saanut saatu saadaan saisi saisin saatte saatiin saamaan saanu saavat saatavilla",
    "tulla": "tulee tuli tullut tullu tulisi tullaan tulemaan tulleet tule tulis",
    "olla": "on oli ollut ole oo olisi ois ollu ovat oltu olemme oon oot ollaan olleet",
    "tehdä": "tekee teki teen tehnyt tehny tehty tekisi tehdään tehneet tee tekemään tehtiin",
    "nähdä": "näkee näki näen nähnyt nähty näe",
    "ajatella": "ajattelen ajattelin ajatellut ajateltu ajattelee",
    "kuunnella": "kuuntele kuuntelette kuunnellut kuuntelisi",
    "vastata": "vastaa vastasi vastannut vastattu vastata vastaisi vastaatte vastannu",
    "luvata": "lupaa lupasi lupasitte luvannut luvattu lupaisi luvattiin lupaan",
    "tarvita": "tarvitsen tarvitsee tarvinnut tarvitsisi tarvittu",
    "häiritä": "häiritsee häirinnyt",
    "ymmärtää": "ymmärrän ymmärsi ymmärtänyt ymmärtää ymmärretty ymmärrä ymmärtäisi",
    "tietää": "tiedän tiesi tiennyt tiedetty tiedä tietäisi tiedetään tienny",
    "löytää": "löysin löytänyt löydä löytää",
    "lukea": "luen luki lukenut luettu lue lukisi luetaan",
    "mennä": "menee meni mennyt menny menisi mentiin",
    "nousta": "nousee nousi noussut noussu",
    "viedä": "vei vie vienyt",
    "syödä": "söi syö syönyt",
    "käydä": "käy kävi käynyt kävisi käytiin käyny",
    "pudota": "putoaa putosi pudonnut",
    "vanheta": "vanhenee vanheni",
    "odottaa": "odotan odotin odottanut odottaa odotettu odotettiin odottanu odottaneet",
    "lakata": "lakkasi lakkaa lakannut",
    "hajota": "hajosi hajoaa hajonnut hajonnu",
    "sammua": "sammuu sammui sammunut sammu",
    "palauttaa": "palautin palauttaa palauttanut palautettiin palautettu palauta",
    "maksaa": "maksoin maksaa maksanut maksettu maksoi maksetaan",
    "hypätä": "hyppää hyppäsi",
    "haluta": "haluan halusi halunnut haluaisin haluais",
    "ottaa": "ottakaa otti otan otettu ottanut otetaan",
    "pitää": "pitää piti pidä pitänyt pitäisi pitäis pidetty",
    "antaa": "antaa annan annoin antoi annettu antanut",
}
GERMAN = {
    "gerät": "geräte geräten geräts gerätes",
    "ausfall": "ausfälle ausfällen ausfalls",
    "schlecht": "schlechte schlechter schlechtesten schlechteren",
    "kaufen": "kaufe kauft kaufte gekauft kauften kaufst kaufend",
    "versprechen": "verspricht versprach versprochen versprochene verspreche",
    "einschicken": "eingeschickt einzuschicken einschicke einschickte",
    "helfen": "hilft half geholfen",
    "antworten": "antwortet antwortete geantwortet",
    "zurückrufen": "zurückgerufen zurückzurufen zurückrief",
    "arbeiten": "gearbeitet arbeitet",
    "dunkel": "dunkle dunklen dunkler",
    "fehler": "fehlers fehlern",
    "problem": "probleme problemen",
    "kunde": "kunden kunde",
    "buch": "bücher büchern",
    "gehen": "ging gegangen geht",
    "reparieren": "repariert reparierte",
    "haus": "häuser häusern",
    "ändern": "geändert ändert änderte",
    "funktionieren": "funktioniert funktionierte",
    "kundin": "kundinnen",
    "sein": "ist war wäre sind gewesen bin",
    "haben": "hat hatte gehabt habe hätten",
    "werden": "wird wurde geworden würde",
    "können": "kann konnte könnte",
    "nehmen": "nimmt nahm genommen",
    "geben": "gibt gab gegeben",
    "sehen": "sieht sah gesehen",
    "bleiben": "blieb geblieben",
    "schreiben": "schrieb geschrieben schreibt",
    "verlieren": "verlor verloren",
    "anrufen": "angerufen anrief anzurufen",
    "abbrechen": "abgebrochen",
    "kaputt": "kaputte kaputtes kaputten",
    "teuer": "teure teuren teurer",
    "mangel": "mängel mängeln mangels",
    "rechnung": "rechnungen",
    "ärgerlich": "ärgerliche ärgerlicher",
    "lassen": "lässt ließ gelassen",
    "fahren": "fährt fuhr gefahren",
    "wissen": "weiß wusste gewusst",
    "melden": "meldet meldete gemeldet meldest",
    "erstatten": "erstattet erstattete",
}
ENGLISH = {
    "work": "works worked working",
    "stop": "stopped stopping stops",
    "make": "makes making made",
    "try": "tries tried trying",
    "use": "used uses using",
    "break": "broke broken breaks breaking",
    "be": "is are was were been being",
    "die": "dies dying died",
    "device": "devices device's devices'",
    "box": "boxes",
    "fix": "fixes fixed",
    "refund": "refunded refunding",
    "half": "halves",
    "take": "took taken taking",
    "send": "sent sends",
    "charge": "charged charging charges",
    "ship": "shipped shipping",
    "reply": "replied replies",
    "delay": "delayed delays",
    "get": "got gotten getting",
    "go": "goes went gone going",
    "lose": "lost losing",
    "pay": "paid pays",
    "write": "wrote written writing",
    "customer": "customers customer's",
    "company": "companies company's",
    "issue": "issues",
    "crash": "crashes crashed",
    "drop": "dropped drops",
    "freeze": "froze frozen freezing",
    "person": "people",
    "child": "children",
    "leave": "left leaves leaving",
    "keep": "kept keeping",
    "say": "said says",
    "knife": "knives",
    "wait": "waited waiting",
    "plan": "planned planning",
    "apologise": "apologised apologising",
    "do": "does did done doing",
}
NOT_FORMS = [
    ("en", "use", "us"), ("en", "work", "worker"), ("en", "rate", "rat"), ("en", "be", "bee"), ("en", "refund", "fund"),
    ("de", "seite", "seit"), ("de", "gerät", "gerade"), ("de", "kaufen", "verkaufen"), ("de", "fehler", "fehlen"),
    ("fi", "laite", "laittaa"), ("fi", "vika", "viikko"), ("fi", "akku", "akkulaturi"), ("fi", "toimia", "toimisto"),
    ("fi", "takuu", "takki"), ("fi", "puhelin", "puhelu"),
]  # fmt: skip


@cache
def grammar(lang: str) -> Grammar:
    loader = yaml.BaseLoader
    tables = yaml.load((rules_root() / lang / "inflection.yaml").read_text("utf-8"), Loader=loader)  # a table of words
    return Grammar(lang, {}, Inflection(lang, tables))


def is_form(lang: str, word: str, form: str) -> bool:
    rules = grammar(lang)
    places = Search([rules.phrase(f"{word}~")], rules).places(Copy(form, [Span(0, len(form))]))
    return [form[start:end] for start, end, _ in places] == [form.rstrip("'")]


def missing(lang: str, word: str, forms: str) -> list[str]:
    return [form for form in forms.split() if not is_form(lang, word, form)]


@pytest.mark.parametrize(("word", "forms"), FINNISH_NOUNS.items())
def test_every_case_of_a_finnish_noun_is_a_form_of_it(word: str, forms: str) -> None:
    assert missing("fi", word, forms) == []


@pytest.mark.parametrize(("word", "forms"), FINNISH_VERBS.items())
def test_every_usual_form_of_a_finnish_verb_is_a_form_of_it(word: str, forms: str) -> None:
    assert missing("fi", word, forms) == []


@pytest.mark.parametrize(("word", "forms"), GERMAN.items())
def test_every_form_of_a_german_word_is_a_form_of_it(word: str, forms: str) -> None:
    assert missing("de", word, forms) == []


@pytest.mark.parametrize(("word", "forms"), ENGLISH.items())
def test_every_form_of_an_english_word_is_a_form_of_it(word: str, forms: str) -> None:
    assert missing("en", word, forms) == []


@pytest.mark.parametrize(("lang", "word", "other"), NOT_FORMS)
def test_another_word_is_no_form_of_it(lang: str, word: str, other: str) -> None:
    assert not is_form(lang, word, other)


@pytest.mark.parametrize(
    ("lang", "word", "form"),
    [("fi", "päivitys", "paivityksen"), ("de", "ausfall", "ausfaelle"), ("de", "ausfall", "ausfalle")],
)
def test_forms_are_found_without_umlauts_too(lang: str, word: str, form: str) -> None:
    assert is_form(lang, word, form)
