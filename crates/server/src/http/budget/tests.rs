use super::*;

const MIB: usize = 1024 * 1024;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn account(last: u8) -> RegistryId {
    RegistryId::parse(&format!("{last:012}")).expect("twelve digits")
}

#[test]
fn anonymous_clients_hold_an_eighth_each_and_a_half_together_and_authenticated_ones_the_rest() {
    let budget = Budget::new(64 * MIB as u64);
    let all_anonymous: Vec<_> = (0..4).map(|last| budget.anonymous(address(last)).share(8 * MIB).expect("an eighth")).collect();
    assert_eq!(budget.anonymous(address(0)).share(1).unwrap_err(), Crowded::ByCaller);
    assert_eq!(budget.anonymous(address(9)).share(1).unwrap_err(), Crowded::InAll);
    let authenticated = budget.authenticated(&account(1)).share(32 * MIB).expect("the remaining half");
    assert_eq!(budget.authenticated(&account(2)).share(1).unwrap_err(), Crowded::InAll);
    drop(all_anonymous);
    assert_eq!(budget.authenticated(&account(1)).share(1).unwrap_err(), Crowded::ByCaller);
    let _other = budget.authenticated(&account(2)).share(24 * MIB).expect("all but an eighth");
    assert_eq!(budget.authenticated(&account(3)).share(1).unwrap_err(), Crowded::InAll);
    drop(authenticated);
    assert!(budget.authenticated(&account(1)).share(32 * MIB).is_ok());
}

#[test]
fn addresses_of_one_ipv6_network_are_one_holder() {
    let budget = Budget::new(8 * MIB as u64);
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    let _held = budget.anonymous(ip("2001:db8:1:2::1")).share(MIB).expect("an eighth");
    assert!(budget.anonymous(ip("2001:db8:1:2::2")).share(1).is_err());
    assert!(budget.anonymous(ip("2001:db8:1:3::2")).share(1).is_ok());
}

#[test]
fn a_refused_share_takes_nothing_and_a_dropped_one_releases_all() {
    let budget = Budget::new(8 * MIB as u64);
    for _ in 0..100 {
        assert!(budget.anonymous(address(1)).share(2 * MIB).is_err());
        drop(budget.anonymous(address(1)).share(MIB).expect("nothing is held"));
    }
    assert_eq!(budget.0.all.held.load(Ordering::Relaxed), 0);
    assert_eq!(budget.0.all_anonymous.held.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn claims_of_other_addresses_take_nothing_from_one_that_has_proved_its_key() {
    let (budget, owner) = (Budget::new(64 * MIB as u64), account(1));
    let claim = async |last: u8, bytes: usize| {
        let mut share = budget.claimant(address(last), "AKIA", &owner).nothing();
        share.hold(bytes).await.map(|()| share)
    };
    let mut attacks = Vec::new();
    for last in 10..14 {
        attacks.push(claim(last, 8 * MIB).await.expect("an anonymous client's"));
    }
    assert!(claim(1, MIB).await.is_err(), "is anonymous like them");
    budget.prove(address(1), "AKIA");
    attacks.push(claim(1, 16 * MIB).await.expect("a quarter"));
    assert_eq!(claim(1, MIB).await.unwrap_err(), Crowded::ByCaller, "its quota is exhausted");
    let small = claim(1, SMALL).await.expect("has its own quota");
    budget.prove(address(2), "AKIA");
    assert!(claim(2, 15 * MIB).await.is_ok(), "the owner from elsewhere");
    drop((attacks, small));
    let mut grown = claim(1, SMALL).await.expect("room");
    assert_eq!(grown.hold(16 * MIB).await, Ok(()), "what is small may grow");
    drop(grown);
    assert!(claim(1, 16 * MIB).await.is_ok(), "and releases it");
    assert_eq!(budget.0.all.held.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn small_requests_with_an_existing_key_have_room_when_anonymous_clients_have_none() {
    let (budget, owner) = (Budget::new(64 * MIB as u64), account(1));
    let _all_anonymous: Vec<_> = (10..14).map(|last| budget.anonymous(address(last)).share(8 * MIB).expect("an eighth")).collect();
    let mut held = Vec::new();
    for last in [1, 2, 3, 4] {
        for _ in 0..16 {
            let mut share = budget.claimant(address(last), "AKIA", &owner).nothing();
            assert_eq!(share.hold(SMALL).await, Ok(()));
            held.push(share);
        }
        assert!(budget.claimant(address(last), "AKIA", &owner).nothing().hold(SMALL).await.is_err(), "one address has a part of the quota");
    }
    assert!(budget.claimant(address(5), "AKIA", &owner).nothing().hold(1).await.is_err(), "the quota is bounded");
    assert!(held[0].hold(SMALL + 1).await.is_err(), "a large one counts as anonymous");
}

#[test]
fn small_responses_have_a_bounded_quota_when_all_others_are_exhausted() {
    let budget = Budget::new(64 * MIB as u64);
    let _all: Vec<_> = [1, 2].map(|last| budget.authenticated(&account(last)).share(28 * MIB).expect("room")).into();
    let _small: Vec<_> = [1, 2, 3, 4].map(|last| budget.small(address(last)).share(MIB / 2).expect("has its own quota")).into();
    assert_eq!(budget.small(address(1)).share(1).unwrap_err(), Crowded::ByCaller);
    assert_eq!(budget.small(address(5)).share(1).unwrap_err(), Crowded::InAll);
}

#[tokio::test(start_paused = true)]
async fn authenticated_holders_wait_for_room_and_anonymous_ones_do_not() {
    let budget = Budget::new(64 * MIB as u64);
    let first = budget.authenticated(&account(1)).share(32 * MIB).expect("a half");
    let mut second = budget.authenticated(&account(1)).nothing();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(first);
    });
    assert_eq!(second.hold(MIB).await, Ok(()));
    let mut anonymous = budget.anonymous(address(1)).nothing();
    let begun = Instant::now();
    assert_eq!(anonymous.hold(9 * MIB).await, Err(Crowded::ByCaller));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn of_two_holders_that_wait_for_each_other_the_smaller_one_times_out() {
    let budget = Budget::new(64 * MIB as u64);
    let mut more = budget.authenticated(&account(1)).share(20 * MIB).expect("room");
    let mut less = budget.authenticated(&account(1)).share(12 * MIB).expect("room");
    let giving_up = tokio::spawn(async move { less.hold(20 * MIB).await });
    assert_eq!(more.hold(30 * MIB).await, Ok(()));
    assert_eq!(giving_up.await.expect("no panic"), Err(Crowded::ByCaller));
}

#[test]
fn quotas_of_holders_without_a_share_are_removed() {
    let budget = Budget::new(64 * MIB as u64);
    for number in 0..100_000_u32 {
        drop(budget.anonymous(IpAddr::from(number.to_be_bytes())).share(1));
    }
    assert!(budget.0.quotas.lock().addresses.len() < 4 * CLEAR_FROM);
}
