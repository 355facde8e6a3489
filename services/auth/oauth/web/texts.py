"""What our pages say, by language."""

from __future__ import annotations

from collections.abc import Mapping

_EN = {
    "sign_in": "Sign in",
    "email": "E-mail address",
    "password": "Password",
    "second": "Second proof",
    "second_hint": "Type the code of your authenticator app, or one of your recovery codes.",
    "code": "Code",
    "go_on": "Go on",
    "failed": "The address or the password is wrong.",
    "second_failed": "The code is wrong or out of date.",
    "throttled": "Too many failed attempts. Wait a while.",
    "signed_in_as": "You are signed in as {email}.",
    "sign_out": "Somebody else? Sign out",
    "consent_title": "Let {app} in?",
    "wants": "{app} asks to:",
    "goes_to": "After this you go to {place}.",
    "third_party": "{app} is not made by Pulsemesh. Allow only what you want it to do; "
    "you can withdraw this at any time.",
    "allow": "Allow",
    "deny": "Refuse",
    "device_title": "Let a device in",
    "device_code": "The code that the device shows",
    "device_unknown": "No device shows this code now: it is wrong, used, or out of date.",
    "device_asks": "{app} on a device that calls itself “{device}” asks to:",
    "device_asks_unnamed": "{app} asks to:",
    "device_place": "It asks from {place}.",
    "device_warning": "Go on only if you began this yourself, on a device in front of you. If somebody sent "
    "you this code or asked you to type it, refuse: they would get into your account.",
    "device_done": "The device is let in. You can close this page.",
    "device_denied": "The device is turned away. You can close this page.",
    "error_title": "This does not work",
    "error": "The page was opened by a request that we do not accept: {reason}.",
    "form_outdated": "This form is out of date. Open the page again.",
    "unavailable": "We cannot do this now. Try again in a moment.",
}
_RU = {
    "sign_in": "Вход",
    "email": "Адрес электронной почты",
    "password": "Пароль",
    "second": "Второе подтверждение",
    "second_hint": "Введите код из приложения-аутентификатора или один из кодов восстановления.",
    "code": "Код",
    "go_on": "Продолжить",
    "failed": "Неверный адрес или пароль.",
    "second_failed": "Код неверен или устарел.",
    "throttled": "Слишком много неудачных попыток. Подождите.",
    "signed_in_as": "Вы вошли как {email}.",
    "sign_out": "Это не вы? Выйти",
    "consent_title": "Дать доступ: {app}?",
    "wants": "{app} просит разрешения:",
    "goes_to": "После этого вы перейдёте на {place}.",
    "third_party": "{app} сделано не Pulsemesh. Разрешайте только то, что хотите; отозвать доступ можно в "
    "любое время.",
    "allow": "Разрешить",
    "deny": "Отказать",
    "device_title": "Подключить устройство",
    "device_code": "Код, который показывает устройство",
    "device_unknown": "Ни одно устройство сейчас не показывает этот код: он неверен, использован или "
    "устарел.",
    "device_asks": "{app} на устройстве, которое называет себя «{device}», просит разрешения:",
    "device_asks_unnamed": "{app} просит разрешения:",
    "device_place": "Запрос пришёл из {place}.",
    "device_warning": "Продолжайте, только если вы начали это сами, на устройстве перед вами. Если этот код "
    "вам прислали или попросили ввести, откажите: так попадут в вашу учётную запись.",
    "device_done": "Устройство подключено. Страницу можно закрыть.",
    "device_denied": "Устройству отказано. Страницу можно закрыть.",
    "error_title": "Не получается",
    "error": "Страница открыта запросом, который мы не принимаем: {reason}.",
    "form_outdated": "Эта форма устарела. Откройте страницу снова.",
    "unavailable": "Сейчас это невозможно. Попробуйте через минуту.",
}
_TEXTS: Mapping[str, Mapping[str, str]] = {"en": _EN, "ru": _RU}


def language_of(accept_language: str) -> str:
    """The first of the browser's languages that we have, else English."""
    for entry in accept_language.split(",")[:10]:
        name = entry.partition(";")[0].strip().lower().partition("-")[0]
        if name in _TEXTS:
            return name
    return "en"


def text(language: str, name: str, **values: str) -> str:
    """A text, with its values; nothing is escaped yet."""
    return _TEXTS[language][name].format(**values)


def names(language: str) -> frozenset[str]:
    """What there are texts for; the same in every language."""
    return frozenset(_TEXTS[language])
