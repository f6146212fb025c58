"""Every member of every request of the service model, invalid in every way and at its limits, on the wire.

A value that a shape accepts may still be refused by the operation, with any message; one that a shape rejects must be refused with
the message observed from AWS. No request may cause a server error or a broken connection.
"""

import base64
import copy
import json
import re

import pytest

from pushing import Pusher, image
from service_model import MODEL, OPERATIONS, members, request_of, sample
from wire import Wire

GRAMMAR = re.compile(r"Invalid parameter at '(\w+)' failed to satisfy constraint: '(.+)'", re.DOTALL)
OF_A_SHAPE = re.compile(
    "must (not be null|be of type|be base64|have length|have value|satisfy (regular expression|constraint|enum value set))"
)
# Constraints of operations that are stricter than the shape but worded like those of shapes: the member with the shape, the
# member named in the error, and the constraint.
STRICTER = {
    ("DescribeImages", "imageIds", "imageDigest"): "an ImageDigest may be any text, but no digest is",
    ("DescribeImages", "imageIds", "imageTag"): "an ImageTag may be any text, but no tag is",
    ("PutImage", "imageDigest", "imageDigest"): "an ImageDigest may be any text, but no digest is",
    ("PutImage", "imageTag", "imageTag"): "an ImageTag may be any text, but no tag is",
}
REPOSITORY, CREATED, NEVER_THERE = "team/contract", "team/contract-created", "team/contract-never-there"


@pytest.fixture(scope="module")
def contract(server):
    """A separate connection, so that a broken one is noticed."""
    return Contract(server)


class Contract:
    """Sends invalid requests and collects what is wrong with the answers."""

    def __init__(self, server):
        self.wire = Wire(server)
        ecr = server.client()
        ecr.create_repository(repositoryName=REPOSITORY)
        Pusher(server).push(REPOSITORY, image(b"contract"), "kept")
        begin = lambda: ecr.initiate_layer_upload(repositoryName=REPOSITORY)["uploadId"]
        own = ecr.describe_registries()["registries"][0]["registryId"]
        # Members that let an operation proceed past validation, where that has no destructive effect.
        self.real = {
            "repositoryName": REPOSITORY,
            "resourceArn": f"arn:aws:ecr-public::{own}:repository/{REPOSITORY}",
        }
        self.real_of = {
            "CreateRepository": {"repositoryName": CREATED},
            "DeleteRepository": {"repositoryName": NEVER_THERE},
            "UploadLayerPart": {"uploadId": begin()},
            "CompleteLayerUpload": {"uploadId": begin()},
        }

    def base(self, operation):
        """A request that is valid for the operation's shape."""
        request = sample(request_of(operation))
        real = self.real | self.real_of.get(operation, {})
        return request | {name: value for name, value in real.items() if name in request}

    def bodies(self, operation, path, values):
        """The base request with each of `values` at `path`, creating parents as needed."""
        for value in values:
            request = self.base(operation)
            within, shape = request, request_of(operation)
            for step in path[:-1]:
                shape = shape.members[step] if isinstance(step, str) else shape.member
                if isinstance(step, str):
                    within = within.setdefault(step, sample(shape))
                else:
                    within[:1] = within[:1] or [sample(shape)]
                    within = within[0]
            if path[-1] == 0:
                within[:1] = [value]
            else:
                within[path[-1]] = value
            yield value, request

    def send(self, operation, body):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.wire.send(self.wire.sign(self.wire.request(f"{MODEL.metadata['targetPrefix']}.{operation}", text)))


def shown(value):
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) < 60 else f"{text[:50]}… ({len(text)} characters)"


def complaint(answer):
    """What is wrong with an answer, independent of the test case."""
    if answer.status not in (200, 400):
        return f"status {answer.status}"
    if answer.headers["content-type"] != "application/x-amz-json-1.1" or answer.headers.get("connection") == "close":
        return f"headers {answer.headers}"
    if not isinstance(answer.json, dict):
        return "no object"
    return None


def not_refused(answer, member, *texts):
    """Why an answer is not a rejection of `member` that contains all of `texts`."""
    wrong = complaint(answer)
    if wrong or answer.status != 400:
        return wrong or "accepted"
    code, text = answer.error
    found = GRAMMAR.fullmatch(text or "")
    if code != "InvalidParameterException" or not found or found[1] != member:
        return f"{code}: {text}"
    return None if all(each in found[2] for each in texts) else f"{text}, without {texts}"


def not_accepted(answer, operation, member):
    """Why an answer indicates that the shape rejected a value."""
    wrong = complaint(answer)
    if wrong or answer.status == 200:
        return wrong
    code, text = answer.error
    if code == "SerializationException" or code not in MODEL.shape_names or not text:
        return f"{code}: {text}"
    found = GRAMMAR.fullmatch(text)
    if not found or not OF_A_SHAPE.search(found[2]):
        return None
    return None if (operation, member, found[1]) in STRICTER else text


def name(path):
    return ".".join(map(str, path))


class Findings(list):
    """Fails with all problems at once, so that one run reports everything."""

    sent = 0

    def note(self, path, value, wrong):
        self.sent += 1
        if wrong:
            self.append(f"{name(path)} = {shown(value)}: {wrong}")


@pytest.fixture
def findings():
    found = Findings()
    yield found
    assert not found, "\n" + "\n".join(found)
    assert found.sent, "something was tried"


def each(wanted):
    """The operations with members of the given shape, and these members."""
    chosen = {operation: [(path, shape) for path, shape in members(request_of(operation)) if wanted(shape)] for operation in OPERATIONS}
    rows = [pytest.param(operation, found, id=operation) for operation, found in chosen.items() if found]
    return pytest.mark.parametrize(("operation", "found"), rows)


def of_type(*names):
    return lambda shape: shape.type_name in names


def has_a_pattern(shape):
    return "pattern" in shape.metadata


def is_any_text(shape):
    return shape.type_name == "string" and not has_a_pattern(shape)


def has_a_bound(shape):
    return shape.type_name in ("string", "blob", "list") and bool(shape.metadata.keys() & {"min", "max"})


def counts_characters(shape):
    # A manifest also has a limit in bytes.
    return is_any_text(shape) and "max" in shape.metadata and shape.name != "ImageManifest"


def refuse(contract, findings, operation, path, values, *texts):
    for value, body in contract.bodies(operation, path, values):
        findings.note(path, value, not_refused(contract.send(operation, body), path[0], *texts))


def accept(contract, findings, operation, path, values):
    for value, body in contract.bodies(operation, path, values):
        findings.note(path, value, not_accepted(contract.send(operation, body), operation, path[0]))


def is_required(operation, path):
    """Whether the value at `path` must not be null: a required member or a list entry."""
    shape = request_of(operation)
    for step in path[:-1]:
        shape = shape.members[step] if isinstance(step, str) else shape.member
    return path[-1] == 0 or path[-1] in shape.required_members


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_with_what_it_must_have_passes_its_shape(contract, findings, operation):
    findings.note((), {}, not_accepted(contract.send(operation, contract.base(operation)), operation, ""))


@each(lambda shape: True)
def test_a_member_that_is_missing_or_null_is_refused_where_it_is_required(contract, findings, operation, found):
    for path, _ in found:
        if not is_required(operation, path):
            accept(contract, findings, operation, path, [None])
            continue
        refuse(contract, findings, operation, path, [None], "must not be null")
        if path[-1] != 0:
            ((_, body),) = contract.bodies(operation, path, [None])
            within = body
            for step in path[:-1]:
                within = within[step]
            del within[path[-1]]
            findings.note(path, "nothing", not_refused(contract.send(operation, body), path[0], "must not be null"))


OTHER_TYPES = {
    "string": [5, 0, -1.5, True, False, [], ["x"], {}, {"x": "x"}],
    "blob": [5, 0, -1.5, True, False, [], ["eA=="], {}, {"x": "x"}],
    "integer": ["5", "", 1.5, 1.0, 1e30, True, False, [], [5], {}, {"x": 5}],
    "long": ["5", "", 1.5, 1.0, 1e30, True, False, [], [5], {}, {"x": 5}],
    "boolean": ["true", "", 0, 1, 1.5, [], [True], {}, {"x": True}],
    "list": ["x", "", 5, 1.5, True, False, {}, {"0": "x"}],
    "structure": ["x", "", 5, 1.5, True, False, [], [{}]],
}


@each(lambda shape: True)
def test_a_value_of_another_json_type_is_refused(contract, findings, operation, found):
    for path, shape in found:
        kind = "string" if shape.type_name == "blob" else shape.type_name
        refuse(contract, findings, operation, path, OTHER_TYPES[shape.type_name], f"must be of type {kind}")


def text_of(shape, length, letter="x"):
    """A string of the given length that matches the shape's pattern, if any."""
    text = letter * length
    return text if re.fullmatch(shape.metadata.get("pattern", ".*"), text) else None


@each(has_a_bound)
def test_a_length_beyond_a_bound_is_refused_and_one_at_it_is_taken(contract, findings, operation, found):
    makers = {
        "string": lambda shape, length: text_of(shape, length) or "x" * length,
        "blob": lambda _, length: base64.b64encode(bytes(length)).decode(),
        "list": lambda shape, length: [sample(shape.member, number) for number in range(length)],
    }
    for path, shape in found:
        make = makers[shape.type_name]
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None:
            accept(contract, findings, operation, path, [make(shape, least)])
        if least:
            refuse(contract, findings, operation, path, [make(shape, least - 1)], f"must have length greater than or equal to {least}")
        if most is not None:
            accept(contract, findings, operation, path, [make(shape, most)])
            refuse(contract, findings, operation, path, [make(shape, most + 1)], f"must have length less than or equal to {most}")


@each(counts_characters)
def test_a_length_counts_characters_and_not_bytes(contract, findings, operation, found):
    for path, shape in found:
        most = shape.metadata["max"]
        accept(contract, findings, operation, path, ["ä" * most])
        refuse(contract, findings, operation, path, ["ä" * (most + 1)], f"must have length less than or equal to {most}")


@each(has_a_pattern)
def test_a_text_that_breaks_a_pattern_is_refused(contract, findings, operation, found):
    for path, shape in found:
        pattern = shape.metadata["pattern"]
        good = sample(shape, 1)
        assert re.fullmatch(pattern, good)
        accept(contract, findings, operation, path, [good])
        around = [good + more for more in ("\n", " ", "!", "\0", "/", "é", "٣", "\u2028", "\U0001f40b")]
        around += [more + good for more in ("\n", " ", "-", "/", "\0", "\ufeff")]
        around += [good.swapcase(), good[:-1], good[1:], good * 2, "٣" * 12, "%00" * 4, "../../etc/passwd", "' OR '1'='1", ""]
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
        bad = [text for text in around if least <= len(text) <= most and not re.fullmatch(pattern, text)]
        assert len(bad) > 10
        refuse(contract, findings, operation, path, bad, pattern)


@each(of_type("integer", "long"))
def test_a_number_out_of_its_range_is_refused_whatever_its_magnitude(contract, findings, operation, found):
    widest = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
    for path, shape in found:
        least, most = shape.metadata.get("min", widest[shape.type_name][0]), shape.metadata.get("max", widest[shape.type_name][1])
        accept(contract, findings, operation, path, [least, most, least + 1, most - 1])
        below = [least - 1, least - 2**31, -(2**63), -(2**64), -(10**30), -(10**400)]
        refuse(contract, findings, operation, path, below, f"must have value greater than or equal to {least}")
        above = [most + 1, most + 2**31, 2**63, 2**64, 10**30, 10**400]
        refuse(contract, findings, operation, path, above, f"must have value less than or equal to {most}")


@each(of_type("blob"))
def test_a_blob_that_is_no_base64_is_refused(contract, findings, operation, found):
    for path, shape in found:
        refuse(contract, findings, operation, path, ["*", "eA===", "e", "eA==eA==", "eA\n==", "ä", "e_-="], "must be base64")


@each(is_any_text)
def test_a_text_without_a_pattern_may_hold_any_character(contract, findings, operation, found):
    strange = ["\0\0", "\x7f\x1b[31m", "'; DROP TABLE repositories; --", "\u2028\u202e", "\U0001f40b" * 2, "\uffff\ufffe", "%s%n", "\r\n\r\n", "\\u0000"]
    for path, shape in found:
        accept(contract, findings, operation, path, strange)


@each(of_type("string"))
def test_half_a_surrogate_pair_is_no_text(contract, findings, operation, found):
    for path, shape in found:
        refuse(contract, findings, operation, path, ["\ud800", "x\udfff"], "must be of type string")


@each(lambda shape: True)
def test_members_that_nobody_knows_are_ignored_wherever_they_are(contract, findings, operation, found):
    deep = [[{"x": [None, 1.5, {}]}]]
    structures = [(), *(path for path, shape in members(request_of(operation)) if shape.type_name == "structure")]
    for path in structures:
        unknown = {"surprise": deep, "": None, "RepositoryName": 5, "__type": "x", "Force": "yes", "\0": 1}
        for key, value in unknown.items():
            ((_, body),) = contract.bodies(operation, (*path, key), [value])
            findings.note((*path, key), value, not_accepted(contract.send(operation, body), operation, path[0] if path else ""))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_body_that_is_no_json_object_is_a_serialization_exception(contract, findings, operation):
    base = json.dumps(contract.base(operation)).encode()
    no_objects = [b"{", b"}", b"[]", b"null", b"5", b'"x"', b"{} {}", b"{'x':1}", b'{"x":}', b'{"x":1,}', b'{"x":01}', b'{"x":+1}']
    no_objects += [b'{"x":NaN}', b'{"x":"\n"}', b'{"x":"\\x"}', b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}", b" ", b"\0", base + b"x", base[:-1]]
    no_objects += [b"[" * 50_000, b'{"x":' * 50_000, b'{"x":"\xc3\x28"}', b"Action=" + operation.encode()]
    for body in no_objects:
        answer = contract.send(operation, body)
        wrong = complaint(answer)
        if not wrong and (answer.status, answer.error[0]) != (400, "SerializationException"):
            wrong = f"{answer.status}: {answer.json}"
        findings.note(("the body",), body[:40].decode(errors="replace"), wrong)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_body_of_unusual_json_is_taken_like_any_other(contract, findings, operation):
    base = contract.base(operation)
    spaced = b" \r\n\t" + json.dumps(base, indent=3).encode() + b"\n\n"
    assert not any(isinstance(value, bool) for value in base.values()), "every letter is in a string"
    escaped = re.sub(r"[a-z]", lambda letter: f"\\u{ord(letter[0]):04X}", json.dumps(base)).encode()
    deep = json.dumps(base).encode()[:-1] + (b"," if base else b"") + b'"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    for body in (spaced, escaped, deep):
        findings.note(("the body",), body[:40].decode(), not_accepted(contract.send(operation, body), operation, ""))
    if not base:
        findings.note(("the body",), "nothing", not_accepted(contract.send(operation, b""), operation, ""))


@each(lambda shape: True)
def test_a_member_that_is_there_twice_is_no_fault_of_the_server(contract, findings, operation, found):
    for path, shape in found:
        if len(path) == 1:
            base = copy.deepcopy(contract.base(operation))
            base.pop(path[0], None)
            twice = f'"{path[0]}":{json.dumps(sample(shape))}'
            rest = json.dumps(base)[1:-1]
            body = "{" + ",".join(filter(None, [twice, twice, rest])) + "}"
            answer = contract.send(operation, body.encode())
            wrong = complaint(answer)
            if not wrong and answer.status == 400 and answer.error[0] not in ("SerializationException", *MODEL.shape_names):
                wrong = str(answer.error)
            findings.note(path, "twice", wrong)


@pytest.mark.parametrize(("operation", "member", "named"), STRICTER)
def test_a_rule_beyond_the_shape_names_the_member_that_breaks_it(contract, findings, operation, member, named):
    path = next(path for path, shape in members(request_of(operation)) if path[0] == member and path[-1] == named)
    for value, body in contract.bodies(operation, path, ["\0\0"]):
        findings.note(path, value, not_refused(contract.send(operation, body), named, "must satisfy regular expression"))


def test_no_connection_was_lost_on_the_way(contract):
    server = contract.wire.server
    if server.place.balanced:
        pytest.skip("a load balancer closes connections whose request is answered before its end")
    pool = server.http.connection_from_url(server.url)
    before = pool.num_connections
    for operation in OPERATIONS:
        for body in (b"{", b"", b'{"repositoryName":null}', b"x" * 2_000_000):
            contract.send(operation, body)
    assert pool.num_requests > 1000, "these were the connections of all the tests above"
    assert pool.num_connections == before == 1
