"""Permissions at the OCI door: pushes and deletes by users with keys and policies created at the command line."""

import base64
import contextlib
import json
import uuid

import pytest

from pushing import Pusher, digest_of, image
from tools import Tool, need

OWN, OTHER = "000000000000", "111122223333"
MANAGED = "AmazonElasticContainerRegistryPublic"
SIGN_IN = ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"]
PUSH = ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, effect="Allow", **more):
    named = [action if ":" in action else f"ecr-public:{action}" for action in actions]
    return {"Effect": effect, "Action": named, "Resource": "*", **more}


class Town:
    """A server, its root, and its users."""

    def __init__(self, server):
        self.server = server
        self.root = Pusher(server)
        self.ecr = server.client()

    def user(self, *policies, account=OWN, name=None):
        """A new user with these policies, given as names of managed policies or as documents."""
        name = name or f"user-{uuid.uuid4()}"
        self.server.run("user", "create", name, "--account", account)
        for number, policy in enumerate(policies):
            self.attach(name, f"policy-{number}", policy, account)
        key = json.loads(self.server.run("access-key", "create", "--user", name, "--account", account, "--output", "json"))
        return User(self.server, name, account, key["accessKeyId"], key["secretAccessKey"])

    def attach(self, name, policy, text, account=OWN):
        if text.startswith("{"):
            self.server.run("policy", "attach", policy, "--user", name, "--account", account, "--document", "-", text=text)
        else:
            self.server.run("policy", "attach", text, "--user", name, "--account", account)

    def repository(self, policy=None):
        name = f"team/app-{uuid.uuid4()}"
        self.ecr.create_repository(repositoryName=name)
        if policy:
            self.ecr.set_repository_policy(repositoryName=name, policyText=policy, force=True)
        return name


class User:
    def __init__(self, server, name, account, access_key, secret):
        self.server, self.name, self.account, self.access_key, self.secret = server, name, account, access_key, secret
        self.arn = f"arn:aws:iam::{account}:user/{name}"

    def client(self):
        return self.server.session(self.access_key, self.secret).client("ecr-public", endpoint_url=self.server.url)

    def pusher(self):
        pusher = Pusher(self.server, self.client())
        pusher.user = self
        return pusher

    @contextlib.contextmanager
    def may_upload(self, ecr, repository):
        """For this moment only, whatever the policies say otherwise."""
        upload = ("InitiateLayerUpload", "UploadLayerPart")
        named = ("--user", self.name, "--account", self.account)
        try:
            before = ecr.get_repository_policy(repositoryName=repository)["policyText"]
        except ecr.exceptions.RepositoryPolicyNotFoundException:
            before = None
        grant = {"Effect": "Allow", "Principal": {"AWS": self.arn}, "Action": [f"ecr-public:{action}" for action in upload]}
        ecr.set_repository_policy(repositoryName=repository, policyText=document(grant), force=True)
        self.server.run("policy", "attach", "moment", *named, "--document", "-", text=document(allow(*upload)))
        yield
        self.server.run("policy", "detach", "moment", *named)
        if before:
            ecr.set_repository_policy(repositoryName=repository, policyText=before, force=True)
        else:
            ecr.delete_repository_policy(repositoryName=repository)


@pytest.fixture(scope="module")
def town(start_for_module):
    town = Town(start_for_module())
    town.server.run("account", "create", OTHER)
    return town


def denial(user, action, repository, why=None):
    """AWS's message for a denied action."""
    why = why or f"because no identity-based policy allows the ecr-public:{action} action"
    resource = f"arn:aws:ecr-public::{OWN}:repository/{repository}"
    return f"User: {user.arn} is not authorized to perform: ecr-public:{action} on resource: {resource} {why}"


DENIED = "with an explicit deny in an identity-based policy"


def assert_denied(answer, sentence):
    assert answer.status == 403, answer.data
    (error,) = answer.json()["errors"]
    assert (error["code"], error["message"]) == ("DENIED", sentence)


def begin(root, who, repository, content=b""):
    """Starts an upload as the one who is to go on with it: nobody else could. Whoever has no login gets one of root's."""
    user = getattr(who, "user", None)
    starter = who if user else root
    with user.may_upload(root.server.client(), repository) if user else contextlib.nullcontext():
        begun = starter.request("POST", f"{repository}/blobs/uploads/", Content_Length="0")
        assert begun.status == 202, begun.data
        place = begun.headers["Location"].removeprefix(starter.server.url)
        if content:
            assert starter.request("PATCH", place, content, Content_Type="application/octet-stream").status == 202
    return place


def with_digest(place, content):
    return f"{place}{'&' if '?' in place else '?'}digest={digest_of(content)}"


# One function per kind of write: root sets it up, and the caller sends the request.


def start_upload(root, who, repository):
    return who.request("POST", f"{repository}/blobs/uploads/", Content_Length="0")


def send_chunk(root, who, repository):
    return who.request("PATCH", begin(root, who, repository), b"chunk", Content_Type="application/octet-stream")


def ask_for_upload(root, who, repository):
    return who.request("GET", begin(root, who, repository))


def cancel_upload(root, who, repository):
    return who.request("DELETE", begin(root, who, repository))


def close_upload(root, who, repository):
    place = begin(root, who, repository, b"chunk")
    return who.request("PUT", with_digest(place, b"chunk"), Content_Length="0")


def close_upload_with_bytes(root, who, repository):
    return who.request("PUT", with_digest(begin(root, who, repository), b"bytes"), b"bytes", Content_Type="application/octet-stream")


def push_blob_at_once(root, who, repository):
    place = with_digest(f"{repository}/blobs/uploads/", b"at once")
    return who.request("POST", place, b"at once", Content_Type="application/octet-stream")


def mount_blob(root, who, repository):
    source = f"{repository}-source"
    root.server.client().create_repository(repositoryName=source)
    digest = root.push_blob(source, b"mounted")
    query = f"mount={digest}&from={root.server.alias}/{source}"
    return who.request("POST", f"{repository}/blobs/uploads/?{query}", Content_Length="0")


def put_manifest(root, who, repository):
    manifest = image(b"layer")
    for blob in manifest.blobs:
        root.push_blob(repository, blob)
    return who.put_manifest(repository, manifest, "it")


def delete_tag(root, who, repository):
    root.push(repository, image(b"layer"), "it")
    return who.request("DELETE", f"{repository}/manifests/it")


def delete_manifest(root, who, repository):
    digest = root.push(repository, image(b"layer"), "it")
    return who.request("DELETE", f"{repository}/manifests/{digest}")


def delete_blob(root, who, repository):
    return who.request("DELETE", f"{repository}/blobs/{root.push_blob(repository, b'unused')}")


# The request, its status if allowed, and the actions it requires.
REQUESTS = [
    (start_upload, 202, ["InitiateLayerUpload"]),
    (send_chunk, 202, ["UploadLayerPart"]),
    (ask_for_upload, 204, ["UploadLayerPart"]),
    (cancel_upload, 204, ["UploadLayerPart"]),
    (close_upload, 201, ["CompleteLayerUpload"]),
    (close_upload_with_bytes, 201, ["UploadLayerPart", "CompleteLayerUpload"]),
    (push_blob_at_once, 201, ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"]),
    (mount_blob, 201, ["InitiateLayerUpload", "CompleteLayerUpload"]),
    (put_manifest, 201, ["PutImage"]),
    (delete_tag, 202, ["BatchDeleteImage"]),
    (delete_manifest, 202, ["BatchDeleteImage"]),
    (delete_blob, 202, ["BatchDeleteImage"]),
]
WRITES = sorted({action for _, _, actions in REQUESTS for action in actions})
each_request = pytest.mark.parametrize(("ask", "status", "actions"), REQUESTS, ids=[ask.__name__ for ask, _, _ in REQUESTS])


@each_request
def test_a_request_needs_exactly_the_actions_that_aws_names(town, ask, status, actions):
    user = town.user(document(allow(*SIGN_IN, *actions)))
    who, repository = user.pusher(), town.repository()
    assert ask(town.root, who, repository).status == status
    for missing in actions:
        # Policies are evaluated on each request: same token, new policy.
        others = [action for action in WRITES if action != missing]
        town.attach(user.name, "policy-0", document(allow(*SIGN_IN, *others)))
        repository = town.repository()
        assert_denied(ask(town.root, who, repository), denial(user, missing, repository))


@each_request
def test_a_request_without_a_login_is_asked_for_one(town, ask, status, actions):
    anonymous = Pusher(town.server)
    anonymous.headers = {}
    answer = ask(town.root, anonymous, town.repository())
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


@each_request
def test_an_explicit_deny_wins_over_every_allow(town, ask, status, actions):
    user = town.user(MANAGED + "FullAccess", document(allow(actions[-1], effect="Deny")))
    repository = town.repository(document({"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "ecr-public:*"}))
    assert_denied(ask(town.root, user.pusher(), repository), denial(user, actions[-1], repository, DENIED))


@each_request
def test_a_deny_of_the_repository_wins_as_well(town, ask, status, actions):
    user = town.user(MANAGED + "FullAccess")
    repository = town.repository(document({"Effect": "Deny", "Principal": {"AWS": user.arn}, "Action": f"ecr-public:{actions[-1]}"}))
    sentence = denial(user, actions[-1], repository, "with an explicit deny in a resource-based policy")
    assert_denied(ask(town.root, user.pusher(), repository), sentence)


@each_request
def test_a_grant_of_the_repository_suffices_within_the_account(town, ask, status, actions):
    user = town.user(document(allow(*SIGN_IN)))
    granted = [f"ecr-public:{action}" for action in actions]
    repository = town.repository(document({"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": granted}))
    assert ask(town.root, user.pusher(), repository).status == status


@each_request
def test_somebody_of_another_account_needs_both_sides(town, ask, status, actions):
    first, granted = actions[0], [f"ecr-public:{action}" for action in actions]
    grant = document({"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": granted})
    user, powerless = town.user(MANAGED + "FullAccess", account=OTHER), town.user(document(allow(*SIGN_IN)), account=OTHER)
    who = user.pusher()

    ungranted = town.repository()
    why = f"because no resource-based policy allows the ecr-public:{first} action"
    assert_denied(ask(town.root, who, ungranted), denial(user, first, ungranted, why))
    assert ask(town.root, who, town.repository(grant)).status == status
    repository = town.repository(grant)
    assert_denied(ask(town.root, powerless.pusher(), repository), denial(powerless, first, repository))
    town.attach(user.name, "denial", document(allow(*actions, effect="Deny")), OTHER)
    repository = town.repository(grant)
    assert_denied(ask(town.root, who, repository), denial(user, first, repository, DENIED))


def copy(town, user, source, target):
    """Copies an image with skopeo, which pushes with the user's password."""
    need("skopeo")
    token = user.client().get_authorization_token()["authorizationData"]["authorizationToken"]
    credentials = base64.b64decode(token).decode()
    place = lambda name: f"docker://{town.server.address}/{town.server.alias}/{name}:it"
    flags = ("--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-no-creds", "--dest-creds", credentials)
    return Tool("skopeo", "copy", *flags).attempt(place(source), place(target))


def test_a_power_user_pushes_with_skopeo_and_a_reader_does_not(town):
    source, target = town.repository(), town.repository()
    digest = town.root.push(source, image(b"layer", b"another"), "it")
    reader = town.user(MANAGED + "ReadOnly")
    refused = copy(town, reader, source, target)
    assert refused.returncode != 0
    assert denial(reader, "InitiateLayerUpload", target) in refused.stderr
    assert town.ecr.describe_images(repositoryName=target)["imageDetails"] == []

    pushed = copy(town, town.user(MANAGED + "PowerUser"), source, target)
    assert pushed.returncode == 0, pushed.stderr
    assert [each["imageDigest"] for each in town.ecr.describe_images(repositoryName=target)["imageDetails"]] == [digest]


def test_a_power_user_pushes_and_does_not_delete(town):
    user, repository = town.user(MANAGED + "PowerUser"), town.repository()
    who = user.pusher()
    digest = who.push(repository, image(b"layer"), "it")
    for reference in ("it", digest):
        assert_denied(who.request("DELETE", f"{repository}/manifests/{reference}"), denial(user, "BatchDeleteImage", repository))
    assert who.request("GET", f"{repository}/manifests/it").status == 200


def test_a_key_that_is_disabled_stops_at_once_and_works_again_when_it_is_enabled(town):
    user, repository = town.user(MANAGED + "PowerUser"), town.repository()
    client, who = user.client(), user.pusher()
    password = base64.b64decode(who.headers["Authorization"].removeprefix("Bearer ")).decode()
    basic = {"Authorization": "Basic " + base64.b64encode(password.encode()).decode()}
    exchange = lambda: town.server.http.request("GET", town.server.url + "/token", headers=basic)
    exchanged = Pusher(town.server, client)
    exchanged.headers = {"Authorization": f"Bearer {exchange().json()['token']}"}
    upload = begin(town.root, who, repository)
    for pusher in (who, exchanged):
        assert start_upload(None, pusher, repository).status == 202

    town.server.run("access-key", "disable", user.access_key)
    for pusher in (who, exchanged):
        assert start_upload(None, pusher, repository).status == 401
        assert pusher.request("PATCH", upload, b"chunk", Content_Type="application/octet-stream").status == 401
    assert exchange().status in (401, 403)
    with pytest.raises(client.exceptions.ClientError) as refusal:
        client.get_authorization_token()
    assert refusal.value.response["Error"]["Code"] == "UnrecognizedClientException"

    town.server.run("access-key", "enable", user.access_key)
    for pusher in (who, exchanged):
        assert start_upload(None, pusher, repository).status == 202


def test_a_user_without_the_right_to_a_token_does_not_get_one(town):
    for missing in SIGN_IN:
        held = [action for action in [*SIGN_IN, *PUSH] if action != missing]
        user = town.user(document(allow(*held)))
        with pytest.raises(user.client().exceptions.ClientError) as refusal:
            user.pusher()
        error = refusal.value.response["Error"]
        assert error["Code"] == "AccessDeniedException"
        assert error["Message"] == (
            f"User: {user.arn} is not authorized to perform: {missing} on resource: * "
            f"because no identity-based policy allows the {missing} action"
        )


def test_pulls_stay_anonymous_whatever_the_policies_deny(town):
    repository, manifest = town.repository(), image(b"layer")
    town.root.push(repository, manifest, "it")
    nobody = document({"Effect": "Deny", "Principal": "*", "Action": "*"})
    town.ecr.set_repository_policy(repositoryName=repository, policyText=nobody, force=True)
    denied = town.user(document(allow(*SIGN_IN), {"Effect": "Deny", "NotAction": SIGN_IN, "Resource": "*"}))
    anonymous = Pusher(town.server)
    anonymous.headers = {}
    layer = digest_of(b"layer")
    for who in (anonymous, denied.pusher(), town.user(MANAGED + "ReadOnly").pusher()):
        for path in ("manifests/it", f"manifests/{manifest.digest}", f"blobs/{layer}", "tags/list", f"referrers/{manifest.digest}"):
            assert who.request("GET", f"{repository}/{path}").status == 200, path
    assert_denied(start_upload(None, denied.pusher(), repository), denial(denied, "InitiateLayerUpload", repository, DENIED))


def test_a_push_that_makes_its_repository_needs_the_right_to_create_it(start_for_module):
    town = Town(start_for_module("--create-on-push"))
    pushing = document(allow(*SIGN_IN, *PUSH))
    poor, rich = town.user(pushing), town.user(pushing, document(allow("CreateRepository")))
    refused = start_upload(None, poor.pusher(), "new/app")
    assert refused.status in (403, 404), refused.data
    names = lambda: [repository["repositoryName"] for repository in town.ecr.describe_repositories()["repositories"]]
    assert names() == []
    rich.pusher().push("new/app", image(b"layer"), "it")
    assert names() == ["new/app"]
    assert start_upload(None, poor.pusher(), "new/app").status == 202, "it exists now"


def policy_of(town, repository):
    return json.loads(town.ecr.get_repository_policy(repositoryName=repository)["policyText"])


def set_policy(town, repository, *statements):
    """Sets a policy; both the response and a later read return it as written."""
    policy = {"Version": "2008-10-17", "Statement": list(statements)}
    answer = town.ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(policy))
    assert json.loads(answer["policyText"]) == policy
    assert policy_of(town, repository) == policy


def to(principal, **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": [f"ecr-public:{action}" for action in PUSH], **more}


def unique_id(user):
    session = user.server.session(user.access_key, user.secret)
    return session.client("sts", endpoint_url=user.server.url).get_caller_identity()["UserId"]


@pytest.mark.parametrize("account", [OWN, OTHER])
def test_a_user_made_anew_under_the_old_name_does_not_inherit_what_a_policy_gave(town, account):
    powers = [MANAGED + "PowerUser"] if account == OTHER else [document(allow(*SIGN_IN))]
    first, repository = town.user(*powers, account=account), town.repository()
    set_policy(town, repository, to([first.arn, f"arn:aws:iam::{OWN}:root"]))
    assert start_upload(None, first.pusher(), repository).status == 202
    gone = unique_id(first)
    assert gone.startswith("AIDA")

    town.server.run("user", "delete", first.name, "--account", account)
    named = lambda: policy_of(town, repository)["Statement"][0]["Principal"]["AWS"]
    assert named() == [gone, f"arn:aws:iam::{OWN}:root"]
    second = town.user(*powers, account=account, name=first.name)
    assert (second.arn, named()) == (first.arn, [gone, f"arn:aws:iam::{OWN}:root"])
    assert unique_id(second) != gone
    assert start_upload(None, second.pusher(), repository).status == 403
    set_policy(town, repository, to(second.arn))
    assert start_upload(None, second.pusher(), repository).status == 202


def test_setting_a_policy_does_not_tell_whether_a_user_of_another_account_exists(town):
    there, repository = town.user(account=OTHER), town.repository()
    for arn in (there.arn, f"arn:aws:iam::{OTHER}:user/nobody", "arn:aws:iam::999999999999:user/nobody"):
        set_policy(town, repository, to(arn))
    for missing in (f"arn:aws:iam::{OWN}:user/nobody", "AIDACKCEVSQ6C2EXAMPLE"):
        with pytest.raises(town.ecr.exceptions.InvalidParameterException, match="'Invalid repository policy provided'"):
            set_policy(town, repository, to(missing))
    # A user created later under that name must not be granted anything.
    set_policy(town, repository, to(f"arn:aws:iam::{OTHER}:user/later"))
    later = town.user(MANAGED + "PowerUser", account=OTHER, name="later")
    assert start_upload(None, later.pusher(), repository).status == 403


def test_a_policy_for_a_role_is_taken_as_terraform_sets_one_and_reads_back_equivalent(town):
    repository = town.repository()
    for principal in (f"arn:aws:iam::{OWN}:role/ci", [f"arn:aws:iam::{OWN}:role/path/ci", f"arn:aws:sts::{OWN}:assumed-role/ci/me"]):
        set_policy(town, repository, to(principal, Sid=repository))


@pytest.mark.parametrize(
    "statement",
    [
        {"Resource": "*"},
        {"Resource": f"arn:aws:ecr-public::{OWN}:repository/*"},
        {"NotResource": "*"},
        {"Principal": {"AWS": []}},
        {"Action": []},
        {"Condition": {"StringNotEquals": {"aws:username": []}}},
    ],
    ids=str,
)
def test_a_policy_that_names_a_resource_or_has_an_empty_list_is_refused(town, statement):
    refusal = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    with pytest.raises(town.ecr.exceptions.InvalidParameterException) as refused:
        set_policy(town, town.repository(), {**to("*"), **statement})
    assert refused.value.response["Error"]["Message"] == refusal


@pytest.mark.direct("the test is the proxy")
@pytest.mark.parametrize("flags", [[], ["--trusted-proxy", "127.0.0.1"]], ids=["nobody", "a proxy"])
def test_only_tls_and_the_word_of_a_trusted_proxy_make_a_transport_secure(start, flags):
    town = Town(start("--public-url", "https://registry.example", *flags))
    insecure = allow(*PUSH, effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    user, repository = town.user(MANAGED + "PowerUser", document(insecure)), town.repository()
    who = user.pusher()
    for scheme in (None, "http", "https"):
        if scheme:
            who.headers["X-Forwarded-Proto"] = scheme
        expected = 202 if flags and scheme == "https" else 403
        assert start_upload(None, who, repository).status == expected, scheme


def test_an_agent_that_is_too_long_to_be_looked_at_is_denied_what_some_agents_are_denied(town):
    old_tools = allow(*PUSH, effect="Deny", Condition={"StringLike": {"aws:UserAgent": "*old-tool*"}})
    who, repository = town.user(MANAGED + "PowerUser", document(old_tools)).pusher(), town.repository()
    for agent, status in [("tool/2", 202), ("old-tool/1", 403), ("x" * 1024, 202), ("x" * 1025, 403), ("x" * 1024 + "old-tool/1", 403)]:
        who.headers["User-Agent"] = agent
        assert start_upload(None, who, repository).status == status, agent
