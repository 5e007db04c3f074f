"""Secrets and personal data: what is one, what only looks like it, and how often ordinary prompts are taken for one.

Keys are put together here from parts, so that no scanner of repositories takes them for real ones.
"""

from __future__ import annotations

import pytest

from semcache.policy.sensitive import personal, secrets
from tests import evaldata
from tests.yardstick import units

RANDOM = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3"
SECRETS = [
    ("provider_key", f"Why is sk-{RANDOM} rejected?"),
    ("provider_key", f"Use sk-proj-{RANDOM[:30]}_{RANDOM[:10]} please"),
    ("provider_key", f"export ANTHROPIC=sk-ant-api03-{RANDOM}"),
    ("provider_key", f"key {'AIza' + RANDOM[:35]} does not work"),
    ("provider_key", f"{'sk' + '_live_' + RANDOM[:24]} in my shop"),
    ("provider_key", f"hf_{RANDOM[:34]}"),
    ("cloud_key", "aws: " + "AKIA" + "Q3EGWZ5XKL2MN7PB"),
    ("cloud_key", f"DefaultEndpointsProtocol=https;AccountKey={RANDOM}{RANDOM}=="),
    ("code_host_token", f"git clone https://x:{'ghp_' + RANDOM[:36]}@github.com/a/b"),
    ("code_host_token", f"{'github_pat_' + RANDOM[:22]}_x"),
    ("code_host_token", f"{'glpat-' + RANDOM[:20]}"),
    ("messaging_token", f"xoxb-{'123456789012'}-{RANDOM[:24]}"),
    ("messaging_token", f"1234567890:AA{RANDOM[:33]}"),
    ("jwt", f"eyJ{RANDOM[:20]}.eyJ{RANDOM[:20]}.{RANDOM[:30]}"),
    ("private_key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE..."),
    ("private_key", "-----BEGIN PRIVATE KEY-----"),
    ("private_key", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
    ("bearer", f"curl -H 'Authorization: Bearer {RANDOM[:32]}' https://api.acme.com"),
    ("connection_string", "connect to postgres://app:h4rdToGuess@db.internal:5432/shop"),
    ("connection_string", "redis://:s3cr3t-value@cache:6379/0"),
    ("password", 'password = "correct horse9"'.replace(" horse9", "-horse9")),
    ("password", "My password is hunter2, is it safe?"),
    ("password", "login: anna, Passwort? password: Tr0ub4dor&3"),
    ("password", '{"user": "anna", "password": "tiger-lily"}'),
    ("password", "Server=db;User Id=sa;Password=Pa55w.rd1;"),
    ("named_key", f"api_key: {RANDOM[:24]}"),
    ("named_key", f'"client_secret": "{RANDOM[:28]}"'),
    ("named_key", f"SECRET_KEY='{RANDOM[:40]}'"),
    ("named_key", f"my access token is {RANDOM[:30]}"),
    ("named_key", f"secret: a8f_{RANDOM[:10]}_k2"),
]
NO_SECRETS = [
    "",
    "How do I reset my password?",
    "What is a good password?",
    "password: string, minimum 8 characters",
    "The password is incorrect.",
    "password is required",
    "password = os.environ['DB_PASSWORD']",
    "password = getpass.getpass()",
    "password: ${DB_PASSWORD}",
    'password = "<your password>"',
    'password="your_password_here"',
    'password="changeme"',
    "api_key = settings.api_key",
    "token = self.access_token_v2_value",
    "token: https://auth.acme.com/oauth2/v2/token",
    "api_key = /run/secrets/provider-1/key",
    'api_key="YOUR_API_KEY"',
    "OPENAI_API_KEY=sk-...",
    "max_tokens: 4096, temperature: 0",
    "token: str = Header(...)",
    "What does a JWT such as eyJhbGci look like?",
    "sk-learn-and-other-libraries-with-long-names",
    "https://user:password@example.com/path",
    "http://localhost:8080/user@host",
    "postgres://user:${PASSWORD}@localhost/db",
    "ghp_short",
    "AKIA is the prefix of an access key",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "Bearer tokens are described in RFC 6750",
    "the secret is to keep it simple and honest",
    "The secret: internationalization of everything",
    "passport photo",
    "the bearer of international-responsibilities",
]
PERSONAL = [
    ("email", "Write to anna.schmidt+news@mail.acme.co.uk today"),
    ("email", "<bob@acme.io>"),
    ("phone", "call me at +49 30 9018 20"),
    ("phone", "+4915123456789"),
    ("phone", "ring (415) 867-5309 now"),
    ("phone", "415-867-5309"),
    ("phone", "1-800-867-5309?"),
    ("phone", "+1 415.867.5309"),
    ("iban", "IBAN DE89 3704 0044 0532 0130 00, thanks"),
    ("iban", "GB29NWBK60161331926819"),
    ("payment_card", "4111 1111 1111 1111"),
    ("payment_card", "my card 5500-0000-0000-0004 was refused"),
    ("payment_card", "378282246310005"),
    ("payment_card", "3056 930902 5904"),
    ("payment_card", "6200 0000 0000 0005"),
    ("us_ssn", "SSN 536-90-4399."),
    ("uk_nino", "my NI number is AB 12 34 56 C"),
]
NOT_PERSONAL = [
    "",
    "someone@example.com",
    "user@sub.example.org and root@localhost",
    "git clone git@github.com:acme/repo.git",
    "@property def name(self)",
    "npm install @types/node@18.0.0",
    "logo@2x.png",
    "What is 415-867?",
    "x + 12345678 = y",
    "the range 2000-2010-2020",
    "0.123456789012345",
    "3.14159265358979323846",
    "4111 1111 1111 1112",
    "0000 0000 0000 0000",
    "order 1234567890123456",
    "id 4370113190341229231",
    "DE89 3704 0044 0532 0130 01",
    "000-12-3456 and 666-12-3456 and 912-34-5678",
    "2024-05-17 12:30:45",
    "192.168.100.200",
    "ISBN 978-3-16-148410-0",
    "UUID 123e4567-e89b-12d3-a456-426614174000",
    "numbers 200 300 4000 500 600 7000",
    "$212-555-0123",
    "1600000000000",
    "call 212-555-0147, as they do in films",
]


@pytest.mark.parametrize(("kind", "text"), SECRETS)
def test_a_secret(kind: str, text: str) -> None:
    assert secrets(text) is not None
    if kind not in ("code_host_token", "named_key"):  # these stand in other forms too
        assert secrets(text) == kind


@pytest.mark.parametrize("text", NO_SECRETS)
def test_no_secret(text: str) -> None:
    assert secrets(text) is None


@pytest.mark.parametrize(("kind", "text"), PERSONAL)
def test_personal_data(kind: str, text: str) -> None:
    assert personal(text) == kind


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_nobody_s_data(text: str) -> None:
    assert personal(text) is None


@pytest.mark.parametrize(("kind", "text"), [*SECRETS, *PERSONAL])
def test_found_wherever_it_stands(kind: str, text: str) -> None:
    find = secrets if (kind, text) in SECRETS else personal
    for around in (f"Grüße, 日本!\n{text}\n\ud800", f"{'lorem ipsum ' * 500}{text} {'dolor ' * 500}"):
        assert find(around) is not None


@pytest.mark.parametrize(
    "part", ["a@b.", "4111 ", "+1 ", "password: ", "://a:", "eyJ", "token is x1 ", "DE89 ", "123-45-6789-"]
)
def test_time_is_linear_whatever_the_text(part: str) -> None:
    def cost(length: int) -> float:
        text = part * (length // len(part))
        return units(lambda: (secrets(text), personal(text)), tries=5)

    assert cost(80_000) < 8 * 4 * max(cost(10_000), 0.2)  # eight times the text


def test_it_costs_next_to_nothing() -> None:
    prompt = "How tall is the Eiffel Tower, and who built it? Answer in one line, please, and name your source. " * 1
    assert units(lambda: (secrets(prompt), personal(prompt)), times=200) < 0.14


@pytest.mark.parametrize("name", ["open_questions", "llm_prompts", "qqp_pairs"])
def test_ordinary_prompts_are_seldom_taken_for_secrets(name: str) -> None:
    """What is found there is for the most part real: so the rate of false alarms is below that of findings."""
    texts = [pair.a for pair in evaldata.pairs(name)] if name.endswith("_pairs") else evaldata.texts(name)
    found = {find.__name__: sum(find(text) is not None for text in texts) for find in (secrets, personal)}
    assert found["secrets"] <= 0.001 * len(texts)
    assert found["personal"] <= 0.003 * len(texts)
