//! What servers keep about certificates that an authority issues.

use crate::support::World;
use roadstead_registry::CertificateState;

const DIRECTORY: &str = "https://ca.example/directory";
const DOMAIN: &str = "registry.example.org";

#[tokio::test]
async fn a_certificate_is_kept_sealed_and_counted_and_attempts_are_remembered_until_it_is_there() {
    let world = World::new().await;
    let (installation, retry_at) = (&world.installation, world.installation.now().plus_seconds(60));
    installation.put_order_attempts(DIRECTORY, DOMAIN, 3, retry_at).await.expect("a record");
    let state = |issued, attempts| CertificateState { domain: DOMAIN.to_owned(), issued, attempts, retry_at };
    assert_eq!(installation.certificate_states(DIRECTORY).await.expect("states"), [state(0, 3)]);
    assert_eq!(installation.certificate(DIRECTORY, DOMAIN).await.expect("an answer"), None);
    for number in 1..=2 {
        let pem = format!("certificate {number}").into_bytes();
        installation.put_certificate(DIRECTORY, DOMAIN, &pem).await.expect("a certificate");
        assert_eq!(installation.certificate_states(DIRECTORY).await.expect("states"), [state(number, 0)]);
        assert_eq!(installation.certificate(DIRECTORY, DOMAIN).await.expect("an answer"), Some(pem));
    }
    installation.put_acme_account(DIRECTORY, b"credentials").await.expect("an account");
    let world = world.restart().await;
    assert_eq!(world.installation.acme_account(DIRECTORY).await.expect("an answer").as_deref(), Some(b"credentials".as_slice()));
    assert_eq!(world.installation.certificate(DIRECTORY, DOMAIN).await.expect("an answer").as_deref(), Some(b"certificate 2".as_slice()));
    let other = "https://other.example/directory";
    assert_eq!(world.installation.acme_account(other).await.expect("an answer"), None);
    assert_eq!(world.installation.certificate_states(other).await.expect("states"), []);
}

#[tokio::test]
async fn the_answer_to_a_challenge_is_given_until_its_order_ends_or_it_expires() {
    let world = World::new().await;
    let beside = world.beside().await;
    let asked = async || beside.acme_challenge(DOMAIN).await.expect("an answer");
    assert_eq!(asked().await, None);
    world.installation.put_acme_challenge(DOMAIN, [7; 32]).await.expect("a challenge");
    assert_eq!(asked().await, Some([7; 32]), "another server answers too");
    world.installation.delete_acme_challenge(DOMAIN).await.expect("an end");
    assert_eq!(asked().await, None);
    world.installation.put_acme_challenge(DOMAIN, [8; 32]).await.expect("a challenge");
    world.pass_seconds(600);
    assert_eq!(asked().await, None, "the order of a server that crashed");
}
