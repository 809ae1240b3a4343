"""Language and form of address. The sentences are invented, in the tone of a customer forum."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modassist.model import LANGUAGES
from modassist.resources import language_lists, words_of
from modassist.text.language import Identifier, address, load

GERMAN = """\
Seit dem Wochenende startet mein Staubsaugroboter nicht mehr.
Ich habe den Akku schon zweimal getauscht, ohne Erfolg.
Kann mir jemand sagen, wo ich die Rechnung finde?
Das Problem tritt nur auf, wenn zwei Geräte gekoppelt sind.
Wir schauen uns Ihren Auftrag gleich morgen früh an.
Vielen Dank für die schnelle Hilfe, jetzt läuft alles!
Leider kam die Ersatzlieferung wieder ohne Netzteil.
Eine Frechheit, drei Wochen auf eine Antwort zu warten.
Bei mir genau das Gleiche, Firmware ist aktuell.
Welche Farbe hat die LED, wenn du den Knopf drückst?
Hoi zäme, i ha s glyche Problem mit em neue Router
I hab da an Blödsinn gschrieben, tut ma leid
Bei üs isch es scho de dritti Usfall i dere Wuche.
Des geht so ned, mir wartn scho seit zwoa Wochn.
koennen sie mir bitte ein neues geraet schicken
Wo bleibt die Rückmeldung, die Sie versprochen hatten?
Der Techniker war da, aber gefunden hat er nichts.
Paket angekommen, alles dran, danke euch.
Nach dem Update auf 4.2.1 stürzt die App beim Login ab.
Sowas habe ich in zwanzig Jahren nicht erlebt.
Bitte senden Sie uns die Seriennummer per Nachricht.
Ihr verkauft Schrott und das wisst ihr auch.
Den Stecker ziehen, eine Minute warten, wieder einstecken.
Das ist bei diesem Modell leider bauartbedingt.
Gibt es schon etwas Neues zu meiner Reklamation?""".splitlines()

ENGLISH = """\
My dishwasher has been leaking since the technician left.
Has anyone else lost their playlists after the last update?
We shipped a replacement this morning, tracking number to follow.
I've asked three times now and nobody gets back to me.
Could you tell me which cable fits the older model?
That's not how the warranty works, I'm afraid.
Works perfectly now, thank you so much for your help!
The app crashes every time I open the settings page.
You should have read the manual before opening the case.
Same here, mine died on the second day.
Please send us your order number in a private message.
I am cancelling my subscription at the end of the month.
There is no known problem with this release.
Still broken. When will this be fixed?
Turn it off, wait a minute, then try again.
The pump makes a grinding noise whenever it starts up.
We'll let you know as soon as engineering has an answer.
Honestly, this is the worst support I have ever seen.
Does the new firmware support the older sensors?
Nothing has changed since I reported this in March.
Sorry about that, the mistake was on our side.
It took two weeks before somebody called me.
What happens if the battery runs out during an update?
Closing this, since it is a duplicate.
Your unit is being repaired and should be with you on Friday.""".splitlines()

FINNISH = """\
Pesukone jätti ohjelman kesken jo kolmannen kerran.
Onko kenelläkään muulla samaa ongelmaa päivityksen jälkeen?
Lähetämme uuden laitteen huomenna, seurantakoodi tulee viestillä.
Olen soittanut teille neljä kertaa, eikä kukaan vastaa.
Mistä löydän laitteen sarjanumeron?
Kiitos nopeasta avusta, nyt kaikki toimii!
mä oon odottanu jo kaks viikkoo eikä mitään kuulu
ei oo mitään järkee tällases touhus
mulla tökkii sama juttu, ootteks te edes testannu tätä
Tuote ei vastaa lainkaan sitä, mitä mainoksessa luvattiin.
Irrota virtajohto, odota hetki ja kokeile uudelleen.
Tästä ei ole aiemmin ilmoitettu meille.
Peruutan tilaukseni, jos asia ei korjaannu tällä viikolla.
Pahoittelemme viivästystä, selvitän asian heti.
Miksi laskussa on kaksi kertaa sama summa?
Sovellus kaatuu aina, kun avaan asetukset.
Akku tyhjenee parissa tunnissa, vaikka laite on uusi.
Vika on todennäköisesti omassa kaapelissanne.
Voisitteko tarkistaa, missä lähetys on menossa?
Takuu ei kata kosteusvaurioita, valitettavasti.
Samanlainen vika ilmestyi meilläkin viime yönä.
En aio enää maksaa palvelusta, joka ei toimi.
Paketti saapui vihdoin, mutta väärä väri.
Ilmoitan heti, kun huollosta kuuluu jotain.
Luehan ensin ohjeet, ennen kuin valitat.""".splitlines()

OTHERS = {
    "sv": """\
Min diskmaskin har läckt ända sedan teknikern var här.
Är det någon annan som har samma problem efter uppdateringen?
Vi skickar en ny enhet i morgon, ni får ett mejl.
Jag har ringt er tre gånger men ingen svarar.
Tack så mycket för hjälpen, nu fungerar allt!
Varför står det två olika belopp på fakturan?
Appen kraschar varje gång jag öppnar inställningarna.""",
    "nl": """\
Mijn wasmachine lekt al sinds de monteur geweest is.
Heeft iemand anders ook last van dit probleem na de update?
We sturen morgen een nieuw apparaat naar u toe.
Ik heb drie keer gebeld en niemand neemt op.
Bedankt voor de snelle hulp, het werkt nu weer!
Waarom staan er twee verschillende bedragen op de factuur?
De app crasht elke keer als ik de instellingen open.""",
    "et": """\
Minu nõudepesumasin lekib sellest ajast, kui tehnik käis.
Kas kellelgi teisel on pärast uuendust sama probleem?
Saadame teile homme uue seadme ja jälgimiskoodi.
Olen helistanud kolm korda, aga keegi ei vasta.
Aitäh kiire abi eest, nüüd töötab kõik jälle!
Miks on arvel kaks erinevat summat?
Rakendus jookseb kokku iga kord, kui avan seaded.""",
    "da": """\
Min opvaskemaskine har lækket, siden teknikeren var her.
Er der andre, der har samme problem efter opdateringen?
Vi sender en ny enhed i morgen, og du får en mail.
Jeg har ringet tre gange, men ingen tager telefonen.
Tusind tak for hjælpen, nu virker det hele igen!
Hvorfor står der to forskellige beløb på regningen?
Appen går ned, hver gang jeg åbner indstillingerne.""",
    "fr": """\
Mon lave-vaisselle fuit depuis le passage du technicien.
Est-ce que quelqu'un d'autre a ce problème après la mise à jour ?
Nous vous envoyons un nouvel appareil dès demain.
J'ai appelé trois fois et personne ne répond.
Merci beaucoup pour votre aide, tout fonctionne maintenant !
Pourquoi y a-t-il deux montants différents sur la facture ?
L'application plante chaque fois que j'ouvre les réglages.""",
    "es": """\
Mi lavavajillas pierde agua desde que vino el técnico.
¿Alguien más tiene este problema después de la actualización?
Mañana le enviamos un aparato nuevo a su casa.
He llamado tres veces y nadie contesta el teléfono.
¡Muchas gracias por la ayuda, ahora todo funciona!
¿Por qué hay dos importes distintos en la factura?
La aplicación se cierra cada vez que abro los ajustes.""",
}


@pytest.fixture(scope="module")
def identifier() -> Identifier:
    return load()


def wrong(identifier: Identifier, lang: str, lines: list[str], context: str = "") -> list[tuple[str, str]]:
    return [(said, line) for line in lines if (said := identifier.identify(line, context)) != lang]


@pytest.mark.parametrize(("lang", "lines"), [("de", GERMAN), ("en", ENGLISH), ("fi", FINNISH)])
def test_sentences_of_the_first_rank_are_known_without_a_context(
    identifier: Identifier, lang: str, lines: list[str]
) -> None:
    assert len(lines) >= 25
    assert wrong(identifier, lang, lines) == []


@pytest.mark.parametrize(("lang", "lines"), [("de", GERMAN), ("en", ENGLISH), ("fi", FINNISH)])
@pytest.mark.parametrize("context", LANGUAGES)
def test_a_whole_sentence_keeps_its_language_in_a_thread_of_another(
    identifier: Identifier, lang: str, lines: list[str], context: str
) -> None:
    assert len(wrong(identifier, lang, lines, context)) <= 1


@pytest.mark.parametrize("lang", OTHERS)
@pytest.mark.parametrize("context", ["", *LANGUAGES])
def test_other_languages_are_not_taken_for_ours(identifier: Identifier, lang: str, context: str) -> None:
    said = [identifier.identify(line, context) for line in OTHERS[lang].splitlines()]
    assert not set(said) & set(LANGUAGES)
    assert sum(code == lang for code in said) >= len(said) - 2  # Danish and Norwegian are near


@pytest.mark.parametrize(
    "text", ["", " \n", "12", "+1", "😀", "👍👍", "12.3.2026 14:05", "...", "???", "4711-A", "E404 0x1F"]
)
@pytest.mark.parametrize("context", ["", "de", "fi"])
def test_a_text_without_words_has_no_language(identifier: Identifier, text: str, context: str) -> None:
    assert identifier.identify(text, context) == "und"


@pytest.mark.parametrize("text", ["https://shop.example/de/das-ist-nicht-gut", "@winni", "kundendienst@firma.example"])
def test_addresses_and_names_have_no_language(identifier: Identifier, text: str) -> None:
    assert identifier.identify(text) == "und"


@pytest.mark.parametrize(
    ("text", "lang"),
    [("Danke!", "de"), ("Thanks!", "en"), ("Kiitos!", "fi"), ("Geht immer noch nicht", "de"), ("Still broken", "en"),
     ("Ei toimi", "fi"), ("Ei toimi vieläkään", "fi"), ("Funktioniert leider nicht", "de")],
)  # fmt: skip
def test_short_texts_with_a_telling_word_need_no_context(identifier: Identifier, text: str, lang: str) -> None:
    assert identifier.identify(text) == lang


@pytest.mark.parametrize("text", ["super", "ok", "Router Modell Plus", "Top Service", "Hm"])
@pytest.mark.parametrize("context", LANGUAGES)
def test_a_short_text_that_could_be_any_takes_the_language_of_its_thread(
    identifier: Identifier, text: str, context: str
) -> None:
    assert identifier.identify(text, context) == context


def test_a_short_text_that_could_be_any_is_undetermined_without_a_thread(identifier: Identifier) -> None:
    assert [identifier.identify(text) for text in ("super", "ok", "Top", "Hm", "lol")] == ["und"] * 5


def test_an_undetermined_thread_is_no_context(identifier: Identifier) -> None:
    assert identifier.identify("super", "und") == "und"


def test_a_german_post_full_of_english_product_words_is_german(identifier: Identifier) -> None:
    text = "Das Smart Home Gateway Pro Max zeigt im Dashboard nur Device offline, Reset und Update bringen nichts."
    assert identifier.identify(text) == "de"
    assert identifier.identify("SmartHub Bridge offline, Reset ohne Erfolg", "de") == "de"


def test_a_very_long_post_is_read_in_no_time_and_rightly(identifier: Identifier) -> None:
    assert identifier.identify("Der Zähler zeigt seit Montag nichts mehr an. " * 3000) == "de"
    assert identifier.identify("x" * 100_000, "fi") in {"fi", "und"} | set(LANGUAGES)
    assert isinstance(identifier.identify("a/" * 50_000, "de"), str)


@settings(deadline=None)  # the first text loads the model
@given(st.text(max_size=300), st.sampled_from(["", "de", "en", "fi", "und", "sv"]))
def test_any_text_gets_a_code(text: str, context: str) -> None:
    assert re.fullmatch(r"[a-z]{2,3}", _SHARED.identify(text, context))


_SHARED = load()


def test_the_statistical_model_is_not_loaded_for_clear_texts() -> None:
    program = (
        "import sys; from modassist.text.language import load; i = load();"
        "assert i.identify('Das ist nicht gut, ich bin nicht zufrieden und warte noch immer.') == 'de';"
        "assert 'py3langid' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    "text",
    ["Bitte prüfen Sie das Kabel.", "Ich danke Ihnen für die Geduld.", "Wir haben Ihre Nachricht erhalten.",
     "Können Sie mir sagen, wann das fertig ist?", "Sie haben recht, das war unser Fehler.",
     "Sehr geehrte Frau Beispiel, der Austausch ist veranlasst.", "Hallo Herr Muster, es geht voran.",
     "koennen sie das bitte pruefen", "können sie das bitte prüfen", "Dann schreiben Sie uns, wann Sie können."],
)  # fmt: skip
def test_formal_german_is_recognised(text: str) -> None:
    expected = "" if text.startswith("koennen") else "Sie"
    assert address(text, "de") == expected


@pytest.mark.parametrize(
    "text",
    ["Kannst du mir das Protokoll schicken?", "Danke dir!", "Habt ihr das schon getestet?", "Ihr seid super.",
     "Ist das bei euch auch so?", "Probier mal einen anderen Browser.", "Was sagst du dazu, sie sind alle kaputt.",
     "Wieso meldet ihr euch nicht?", "Hesch das scho usprobiert?", "Schau bitte in die Einstellungen."],
)  # fmt: skip
def test_familiar_german_is_recognised(text: str) -> None:
    assert address(text, "de") == "du"


@pytest.mark.parametrize(
    "text",
    ["Sie ist gestern ausgefallen.", "Die Pumpe läuft. Sie war nur verstopft.", "Das Gerät und ihr Netzteil sind defekt.",
     "Der Akku ist leer.", "Meine Frau sagt, ihr Handy geht auch nicht.", ""],
)  # fmt: skip
def test_she_and_they_are_no_address(text: str) -> None:
    assert address(text, "de") == ""


@pytest.mark.parametrize(
    "text",
    ["Voisitteko lähettää kuitin?", "Olemme saaneet viestinne.", "Miksi te ette vastaa?", "Kertokaa, kun asia etenee.",
     "Tarkistimme laitteenne lokit.", "Onko teillä vielä kuitti tallella?", "Saitteko viestin?"],
)  # fmt: skip
def test_plural_finnish_address_is_te(text: str) -> None:
    assert address(text, "fi") == "te"


@pytest.mark.parametrize(
    "text",
    ["Voitko lähettää kuitin?", "Kiitos viestistäsi, onko sinulla vielä kuitti?", "Onks sulla sama versio?",
     "Lähetä sarjanumero yksityisviestillä.", "Mitä sä oikein meinaat?", "Irrota johto ja kokeile uudelleen.",
     "Saitko viestin?"],
)  # fmt: skip
def test_familiar_finnish_address_is_recognised_too(text: str) -> None:
    assert address(text, "fi") == "sinä"


@pytest.mark.parametrize(
    "text",
    ["Laite ei toimi.", "Minne paketti meni?", "Uusi versio tulee kesällä.", "En lähetä sitä enää.",
     "Tänne ei kuulu mitään, jonne soitin.", "Viat ovat samat kuin ennen.", ""],
)  # fmt: skip
def test_finnish_without_address_shows_none(text: str) -> None:
    assert address(text, "fi") == ""


def test_english_and_other_languages_have_no_form_of_address() -> None:
    assert address("Could you check this? Sie, du, te.", "en") == ""
    assert address("Kan du kontrollera det?", "sv") == ""
    assert address("Sie", "und") == ""


@settings(deadline=None)
@given(st.text(max_size=300), st.sampled_from(["de", "en", "fi", "und"]))
def test_the_form_of_address_is_one_of_the_known(text: str, lang: str) -> None:
    allowed = {"de": {"", "Sie", "du"}, "fi": {"", "te", "sinä"}}
    assert address(text, lang) in allowed.get(lang, {""})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_lists(lang: str) -> None:
    assert set(language_lists(lang)) == set(language_lists("en"))
    assert language_lists(lang)["lang"] == lang
    for name in ("function_words", "short_words", "stop_words", "negators", "sign_offs", "template_headings"):
        assert len(words_of(lang, name)) >= 10, name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_list_holds_what_yaml_took_for_something_else(lang: str) -> None:
    def leaves(entry: object) -> list[object]:
        if isinstance(entry, dict):
            return [leaf for value in entry.values() for leaf in leaves(value)]
        return [leaf for value in entry for leaf in leaves(value)] if isinstance(entry, list) else [entry]

    assert [leaf for leaf in leaves(language_lists(lang)) if not isinstance(leaf, str)] == []


def test_function_words_speak_for_one_language_only() -> None:
    for one, other in (("de", "en"), ("de", "fi"), ("en", "fi")):
        assert words_of(one, "function_words") & words_of(other, "function_words") == set()
