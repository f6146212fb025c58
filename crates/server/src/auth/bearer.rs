//! The tokens that this installation issues.
//!
//! There are two kinds. A *password* is what `GetAuthorizationToken` returns and `docker login` stores: valid for 12 hours,
//! used as Basic `AWS:<password>`. A *bearer* is what `/token` issues in exchange, and it expires when the password does
//! (Docker's token authentication specification; Amazon ECR Public user guide, "Registry authentication"). Both are JSON claims
//! in a sealed token ([`roadstead_model::sealed`]), which identify the holder but grant nothing. The holder's access key is
//! looked up at each use, so that revoking the key immediately revokes its tokens.

use super::credentials::{Credentials, TokenError, decode_pair, read_authorization};
use super::{Keys, emulated_identity};
use crate::principal::{KnownPrincipal, Principal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use roadstead_model::sealed::SealError;
use roadstead_model::{Identity, RegistryId, SealingKey, Timestamp};
use roadstead_registry::Installation;
use serde::{Deserialize, Serialize};

/// How long a password is valid: 12 hours, as AWS documents.
pub const PASSWORD_SECONDS: i64 = 12 * 60 * 60;
/// How long an anonymous bearer is valid: 1 hour, as observed at public.ecr.aws.
pub const ANONYMOUS_SECONDS: i64 = 60 * 60;
/// The maximum number of characters that are kept of the user name at an emulator.
const LONGEST_NAME: usize = 128;
/// The user name of every password.
pub const USER_NAME: &str = "AWS";

const VERSION: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Password,
    Bearer,
}

/// The payload of a token. A server that issues another version refuses it, and the client signs in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    version: u8,
    kind: Kind,
    audience: String,
    /// In seconds since the epoch. Clients of ECR read the member of this name.
    expiration: i64,
    /// Absent from an anonymous bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    registry: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    access_key_id: String,
}

impl Claims {
    fn seal(&self, key: &SealingKey) -> String {
        // Strings and numbers always serialise; an empty payload would be refused on return.
        key.seal(&[], &serde_json::to_string(self).unwrap_or_default())
    }

    fn open(key: &SealingKey, token: &str) -> Result<Self, TokenError> {
        let payload = key.open(&[], token).map_err(|error| match error {
            SealError::Malformed => TokenError::Malformed,
            SealError::Mismatch => TokenError::Tampered,
        })?;
        serde_json::from_str(&payload).map_err(|_| TokenError::Malformed)
    }

    /// Checks the kind, the installation and the expiry.
    fn check(self, kind: Kind, audience: &str, now: Timestamp) -> Result<Self, TokenError> {
        if self.version != VERSION || self.kind != kind {
            Err(TokenError::WrongKind)
        } else if self.audience != audience {
            Err(TokenError::Foreign)
        } else if now.seconds() >= self.expiration {
            Err(TokenError::Expired)
        } else {
            Ok(self)
        }
    }
}

/// Issues the password of `GetAuthorizationToken`, with its expiry. It contains no colon.
pub fn issue_password(
    keys: &Keys,
    installation: &Installation,
    identity: &Identity,
    access_key_id: &str,
    now: Timestamp,
) -> (String, Timestamp) {
    let holder =
        Holder { registry: identity.registry.as_str().to_owned(), user: identity.user.clone(), access_key_id: access_key_id.to_owned() };
    issue(keys, installation, Kind::Password, Some(holder), now.seconds() + PASSWORD_SECONDS)
}

/// The `authorizationToken` of the AWS API: base64 of `AWS:<password>`.
pub fn authorization_token(password: &str) -> String {
    STANDARD.encode(format!("{USER_NAME}:{password}"))
}

/// Exchanges a password for a bearer that expires when the password does. Returns the bearer, its expiry and its holder.
pub async fn exchange_password(
    keys: &Keys,
    installation: &Installation,
    user: &str,
    password: &str,
    now: Timestamp,
) -> Result<(String, Timestamp, Principal), TokenError> {
    let claims = open_password(keys, installation, user, password, now).await?;
    let principal = find_holder(keys, installation, &claims).await?;
    let (token, expires_at) = issue(keys, installation, Kind::Bearer, claims.holder, claims.expiration);
    Ok((token, expires_at, principal))
}

/// Returns the claims in a password. An emulator accepts any other text as well.
async fn open_password(keys: &Keys, installation: &Installation, user: &str, password: &str, now: Timestamp) -> Result<Claims, TokenError> {
    let issued = match user {
        USER_NAME => {
            Claims::open(&keys.authorization_token, password).and_then(|claims| claims.check(Kind::Password, installation.id(), now))
        }
        _ => Err(TokenError::WrongKind),
    };
    match issued {
        Err(_) if keys.emulator => emulated_claims(installation, user, now).await,
        issued => issued,
    }
}

/// The claims of whoever logs in to an emulator under a name.
async fn emulated_claims(installation: &Installation, user: &str, now: Timestamp) -> Result<Claims, TokenError> {
    let registry = emulated_identity(installation, user).await?.registry;
    // Only audit logs show it, but a long one would make a bearer that is too long.
    let access_key_id = user.chars().take(LONGEST_NAME).collect();
    Ok(Claims {
        version: VERSION,
        kind: Kind::Password,
        audience: installation.id().to_owned(),
        expiration: now.seconds() + PASSWORD_SECONDS,
        holder: Some(Holder { registry: registry.as_str().to_owned(), user: None, access_key_id }),
    })
}

/// Issues a bearer without a holder, with its expiry.
pub fn issue_anonymous(keys: &Keys, installation: &Installation, now: Timestamp) -> (String, Timestamp) {
    issue(keys, installation, Kind::Bearer, None, now.seconds() + ANONYMOUS_SECONDS)
}

/// Seals a token, and returns it with its expiry. `expiration` is in seconds since the epoch.
fn issue(keys: &Keys, installation: &Installation, kind: Kind, holder: Option<Holder>, expiration: i64) -> (String, Timestamp) {
    let claims = Claims { version: VERSION, kind, audience: installation.id().to_owned(), expiration, holder };
    (claims.seal(&keys.authorization_token), Timestamp::from_seconds(expiration))
}

/// Authenticates a request. Returns `None` if it has no `Authorization`.
pub async fn authenticate(keys: &Keys, installation: &Installation, headers: &HeaderMap) -> Result<Option<Principal>, TokenError> {
    let Some(credentials) = read_authorization(headers)? else { return Ok(None) };
    if credentials.is_empty() {
        return Ok(Some(Principal::Anonymous));
    }
    let now = installation.now();
    let claims = match normalized(credentials)? {
        Credentials::Bearer(token) => Claims::open(&keys.authorization_token, &token)?.check(Kind::Bearer, installation.id(), now)?,
        Credentials::Basic { user, password } => open_password(keys, installation, &user, &password, now).await?,
    };
    find_holder(keys, installation, &claims).await.map(Some)
}

/// A bearer may also be the raw `authorizationToken` of the AWS API, which AWS documents: a user and a password. Sealed tokens contain
/// a dot, which base64 does not.
fn normalized(credentials: Credentials) -> Result<Credentials, TokenError> {
    match credentials {
        Credentials::Bearer(raw) if !raw.contains('.') => {
            let (user, password) = decode_pair(&raw).ok_or(TokenError::Malformed)?;
            Ok(Credentials::Basic { user, password })
        }
        other => Ok(other),
    }
}

async fn find_holder(keys: &Keys, installation: &Installation, claims: &Claims) -> Result<Principal, TokenError> {
    let Some(holder) = &claims.holder else { return Ok(Principal::Anonymous) };
    let registry = RegistryId::parse(&holder.registry).map_err(|_| TokenError::Malformed)?;
    let identity = Identity { registry, user: holder.user.clone() };
    if !keys.emulator && installation.key_holder(&holder.access_key_id).await?.as_ref() != Some(&identity) {
        return Err(TokenError::Revoked);
    }
    Ok(Principal::Known(KnownPrincipal { identity, access_key_id: holder.access_key_id.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::credentials::parse_authorization;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const KEY: SealingKey = SealingKey::new([7; 32]);

    fn claims() -> Claims {
        let holder = Holder { registry: "000000000000".into(), user: None, access_key_id: "AKIAEXAMPLE".into() };
        let expiration = NOW.plus_seconds(10).seconds();
        Claims { version: VERSION, kind: Kind::Password, audience: "here".into(), expiration, holder: Some(holder) }
    }

    fn password() -> String {
        claims().seal(&KEY)
    }

    #[test]
    fn a_token_reads_back_as_it_was_written() {
        assert_eq!(Claims::open(&KEY, &password()).expect("our own"), claims());
        assert!(matches!(Claims::open(&SealingKey::new([8; 32]), &password()), Err(TokenError::Tampered)));
    }

    /// Tokens issued by commit 9c07337.
    #[test]
    fn tokens_that_were_issued_before_stay_valid() {
        const PASSWORD: &str = "eyJ2ZXJzaW9uIjoxLCJraW5kIjoicGFzc3dvcmQiLCJhdWRpZW5jZSI6ImhlcmUiLCJleHBpcmF0aW9uIjoxNzAwMDAwMDEwLCJob2xkZXIiOnsicmVnaXN0cnkiOiIwMDAwMDAwMDAwMDAiLCJhY2Nlc3Nfa2V5X2lkIjoiQUtJQUVYQU1QTEUifX0.IK55W4F9v_aqtw_JxFKQuTe7lwRFCPAEVtj_PjwePws";
        const BEARER_OF_A_USER: &str = "eyJ2ZXJzaW9uIjoxLCJraW5kIjoiYmVhcmVyIiwiYXVkaWVuY2UiOiJoZXJlIiwiZXhwaXJhdGlvbiI6MTcwMDAwMDAxMCwiaG9sZGVyIjp7InJlZ2lzdHJ5IjoiMTIzNDU2Nzg5MDEyIiwidXNlciI6ImNsYXJhIiwiYWNjZXNzX2tleV9pZCI6IkFLSUFFWEFNUExFIn19.rkWeGFXc6QzWQV8TL1Le1Sn36tXNH2ci_Ryf3j7P7YY";
        const ANONYMOUS_BEARER: &str = "eyJ2ZXJzaW9uIjoxLCJraW5kIjoiYmVhcmVyIiwiYXVkaWVuY2UiOiJoZXJlIiwiZXhwaXJhdGlvbiI6MTcwMDAwMDAxMH0.8lj0De-Dyp31nIiE5mjxyF_PLjaqlMU83i--QHJZaYY";
        let user = Holder { registry: "123456789012".into(), user: Some("clara".into()), access_key_id: "AKIAEXAMPLE".into() };
        for (token, expected) in [
            (PASSWORD, claims()),
            (BEARER_OF_A_USER, Claims { kind: Kind::Bearer, holder: Some(user), ..claims() }),
            (ANONYMOUS_BEARER, Claims { kind: Kind::Bearer, holder: None, ..claims() }),
        ] {
            assert_eq!(Claims::open(&KEY, token).expect("issued before"), expected);
        }
    }

    #[test]
    fn a_token_is_good_for_its_own_kind_installation_and_time_only() {
        assert!(claims().check(Kind::Password, "here", NOW.plus_seconds(9)).is_ok());
        assert!(matches!(claims().check(Kind::Password, "here", NOW.plus_seconds(10)), Err(TokenError::Expired)));
        assert!(matches!(claims().check(Kind::Bearer, "here", NOW), Err(TokenError::WrongKind)));
        assert!(matches!(claims().check(Kind::Password, "there", NOW), Err(TokenError::Foreign)));
        assert!(matches!(Claims { version: 2, ..claims() }.check(Kind::Password, "here", NOW), Err(TokenError::WrongKind)));
    }

    #[test]
    fn a_password_holds_no_colon_because_clients_split_at_it() {
        assert!(!password().contains(':'));
    }

    #[test]
    fn the_raw_authorization_token_is_a_bearer() {
        let presented = normalized(Credentials::Bearer(authorization_token(&password())));
        assert_eq!(presented.expect("accepted"), Credentials::Basic { user: USER_NAME.into(), password: password() });
        assert!(matches!(normalized(Credentials::Bearer("?".into())), Err(TokenError::Malformed)));
    }

    #[test]
    fn a_password_is_no_bearer_by_itself() {
        assert_eq!(normalized(Credentials::Bearer(password())).expect("one of ours"), Credentials::Bearer(password()));
    }

    proptest! {
        #[test]
        fn an_altered_token_is_never_accepted(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.=:-]") {
            let token = password();
            let at = at.index(token.len());
            let altered = format!("{}{to}{}", &token[..at], &token[at + 1..]);
            prop_assume!(altered != token);
            prop_assert!(Claims::open(&KEY, &altered).is_err());
        }

        #[test]
        fn a_shortened_or_lengthened_token_is_never_accepted(cut in 0..100_usize, tail in "[A-Za-z0-9_.=-]{1,8}") {
            let token = password();
            prop_assert!(Claims::open(&KEY, &token[..token.len() - 1 - cut]).is_err());
            let longer = format!("{token}{tail}");
            prop_assert!(Claims::open(&KEY, &longer).is_err());
        }

        #[test]
        fn arbitrary_text_is_never_accepted_and_never_panics(text in "\\PC{0,80}") {
            let _ = parse_authorization(&text).and_then(normalized);
            let _ = normalized(Credentials::Bearer(text.clone()));
            prop_assert!(Claims::open(&KEY, &text).is_err());
        }
    }
}
