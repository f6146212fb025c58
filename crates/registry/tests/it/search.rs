//! The search, over a fixture of repositories that looks like a public registry.

mod fixture;
mod indexing;
mod scale;

use crate::support::World;
use fixture::{FIXTURE, TAG};
use roadstead_model::Digest;
use roadstead_model::gallery::search::answer::{Search, SearchAnswer, SearchOrder};
use roadstead_model::gallery::search::filter::Facet;
use roadstead_model::gallery::search::query::{Address, Query};

const HOST: &str = "registry.example.org";

async fn search(world: &World, text: &str) -> SearchAnswer {
    search_with(world, text, &[], SearchOrder::Relevance).await
}

async fn search_with(world: &World, text: &str, filters: &[(Facet, &str)], order: SearchOrder) -> SearchAnswer {
    let filters = filters.iter().map(|(facet, value)| (*facet, (*value).to_owned())).collect();
    let search = Search { query: Query::parse(text, HOST), filters, order, offset: 0, limit: 25 };
    world.installation.search(&search).await.expect("a search")
}

fn paths(answer: &SearchAnswer) -> Vec<String> {
    answer.cards.iter().map(|card| format!("{}/{}", card.alias, card.name())).collect()
}

async fn located(world: &World, text: &str) -> Option<String> {
    let found = world.installation.locate(&Query::parse(text, HOST)).await.expect("a look-up");
    found.map(|Address { alias, name, reference }| format!("{alias}/{name} {reference:?}"))
}

/// What people type, and what they mean.
#[tokio::test]
async fn the_first_results_are_those_that_people_mean() {
    let world = fixture::world().await;
    let table: &[(&str, &[&str])] = &[
        ("nginx", &["docker/library/nginx", "nginx/nginx", "bitnami/nginx-ingress-controller", "k5n6o2s4/nginx"]),
        ("postgres", &["docker/library/postgres", "bitnami/postgresql", "b7c8d9e0/postgres"]),
        ("postgresql", &["bitnami/postgresql"]),
        ("post", &["docker/library/postgres"]),
        ("otel", &["aws-observability/aws-otel-collector", "f1g2h3i4/otel"]),
        ("otel collector", &["aws-observability/aws-otel-collector"]),
        ("datadog", &["datadog/agent", "j5k6l7m8/datadog"]),
        ("kube proxy", &["eks-distro/kubernetes/kube-proxy"]),
        ("kubeproxy", &["eks-distro/kubernetes/kube-proxy"]),
        ("kube-proxy", &["eks-distro/kubernetes/kube-proxy"]),
        ("amazon linux", &["amazonlinux/amazonlinux"]),
        ("python 3.12", &["docker/library/python"]),
        ("python:3.12", &["docker/library/python"]),
        ("helm karpenter", &["karpenter/karpenter"]),
        ("ngnix", &["docker/library/nginx"]),
        ("PROMETHEUS", &["prometheus/prometheus"]),
        ("redis", &["docker/library/redis", "bitnami/redis", "xx9/redis-sentinel-old", "valkey/valkey"]),
        ("", &["docker/library/nginx", "docker/library/python"]),
    ];
    for (text, first) in table {
        let found = paths(&search(&world, text).await);
        assert!(found.len() >= first.len() && found[..first.len()] == **first, "'{text}' finds {found:?}");
    }
}

#[tokio::test]
async fn a_pasted_reference_or_digest_leads_to_its_page() {
    let world = fixture::world().await;
    let tagged = format!("nginx/nginx Some(Tag(Tag(\"{TAG}\")))");
    assert_eq!(located(&world, "nginx/nginx").await.as_deref(), Some("nginx/nginx None"));
    assert_eq!(located(&world, &format!("{HOST}/nginx/nginx:{TAG}")).await, Some(tagged.clone()));
    assert_eq!(located(&world, &format!("docker pull {HOST}/nginx/nginx:{TAG}")).await, Some(tagged));
    assert_eq!(located(&world, "nginx/nginx:0.1").await.as_deref(), Some("nginx/nginx None"), "no such tag");
    assert_eq!(located(&world, "nginx/apache").await, None);
    assert_eq!(located(&world, &format!("ghcr.io/nginx/nginx:{TAG}")).await, None);
    let digest = fixture::digest(&world, "nginx", "nginx").await;
    let pinned = format!("nginx/nginx {:?}", Some(roadstead_model::Reference::Digest(digest.clone())));
    for text in [digest.as_str(), digest.hex(), &format!("nginx/nginx@{digest}")] {
        assert_eq!(located(&world, text).await.as_deref(), Some(pinned.as_str()), "{text}");
    }
    assert_eq!(located(&world, Digest::of(roadstead_model::Algorithm::Sha256, b"?").as_str()).await, None);
}

#[tokio::test]
async fn a_version_is_offered_if_the_best_result_has_that_tag() {
    let world = fixture::world().await;
    for text in ["python 3.12", "python:3.12", "docker pull docker.io/library/python:3.12"] {
        let (card, tag) = search(&world, text).await.offered.expect("an offer");
        assert_eq!((card.name().as_str(), tag.as_str()), ("library/python", "3.12"), "{text}");
    }
    let without = search(&world, "python 9.99").await;
    assert_eq!((paths(&without)[0].as_str(), without.offered), ("docker/library/python", None));
}

#[tokio::test]
async fn a_typing_error_is_corrected_only_if_nothing_is_found() {
    let world = fixture::world().await;
    for (typed, meant) in [("ngnix", "nginx"), ("redus", "redis"), ("prometeus", "prometheus"), ("otel colector", "otel collector")] {
        let answer = search(&world, typed).await;
        assert_eq!(answer.corrected.as_deref(), Some(meant), "{typed}");
        assert_eq!(paths(&answer), paths(&search(&world, meant).await), "{typed}");
    }
    assert_eq!(search(&world, "nginx").await.corrected, None);
}

#[tokio::test]
async fn hostile_text_finds_nothing_and_breaks_nothing() {
    let world = fixture::world().await;
    let long = "a".repeat(300);
    for text in ["zzzzqq", "'\";--", "%", "_", "*", "\u{1}all", "\u{2}by=docker", &long, "日本語", "🦀", "nginx'--", "\u{202e}"] {
        let answer = search(&world, text).await;
        if text != "nginx'--" {
            assert_eq!((answer.cards.len(), answer.total.count, answer.corrected), (0, 0, None), "{text}");
        }
    }
}

#[tokio::test]
async fn filters_narrow_the_results_and_are_counted_exactly() {
    let world = fixture::world().await;
    let verified = search_with(&world, "nginx", &[(Facet::Verified, "")], SearchOrder::Relevance).await;
    assert_eq!(paths(&verified), ["docker/library/nginx", "nginx/nginx", "bitnami/nginx-ingress-controller"]);
    let charts = search_with(&world, "", &[(Facet::Kind, "chart")], SearchOrder::Relevance).await;
    assert_eq!(paths(&charts), ["karpenter/karpenter", "cert-manager/charts/cert-manager"]);
    let publishers = [(Facet::Publisher, "docker"), (Facet::Publisher, "bitnami"), (Facet::Verified, "")];
    let of_publishers = search_with(&world, "redis", &publishers, SearchOrder::Name).await;
    assert_eq!(paths(&of_publishers), ["bitnami/redis", "docker/library/redis"]);
    let all = search(&world, "").await;
    assert_eq!((all.total.count, all.total.is_exact, all.facets.are_exact), (FIXTURE.len() as u64, true, true));
    assert_eq!(all.facets.count(Facet::Kind, "chart"), 2);
    assert_eq!(all.facets.count(Facet::Verified, ""), FIXTURE.iter().filter(|repository| repository.verified).count() as u64);
    let nginx = search(&world, "nginx").await;
    assert_eq!((nginx.total.count, nginx.facets.count(Facet::Verified, "")), (4, 3));
}

#[tokio::test]
async fn results_have_four_orders() {
    let world = fixture::world().await;
    let order = async |order| paths(&search_with(&world, "redis", &[], order).await);
    assert_eq!(order(SearchOrder::Pulls).await[..2], ["docker/library/redis", "bitnami/redis"]);
    assert_eq!(order(SearchOrder::Name).await, ["bitnami/redis", "docker/library/redis", "valkey/valkey", "xx9/redis-sentinel-old"]);
    assert_eq!(order(SearchOrder::Updated).await[0], "xx9/redis-sentinel-old", "the last one of the fixture");
    let names = paths(&search_with(&world, "", &[], SearchOrder::Name).await);
    assert!(names.is_sorted() && names.len() == 25);
}
