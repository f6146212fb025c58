//! Programs that request images without a person who wants them, by their `User-Agent`. Their pulls are counted apart.

/// The agents of robots: beginnings of `User-Agent`, in lower case, which a letter or digit must not continue.
///
/// Crawlers are recognised by their names instead: see [`CRAWLERS`].
const AGENTS: &[&str] = &[
    // Programs that look for updates.
    "dependabot",
    "diun",
    "keel",
    "renovate",
    "renovatebot",
    "updatecli",
    "watchtower",
    "whatsupdocker",
    // Scanners, and tools that verify signatures.
    "anchore",
    "clair",
    "claircore",
    "cosign",
    "dockle",
    "grype",
    "kyverno",
    "neuvector",
    "notation",
    "policy-controller",
    "quay-security-scanner",
    "ratify",
    "snyk",
    "syft",
    "trivy",
    // Mirrors.
    "harbor",
    "regclient/regbot",
    "regclient/regsync",
    // Scripts, and programs that do not name themselves.
    "axios",
    "curl",
    "go-http-client",
    "libwww-perl",
    "node-fetch",
    "okhttp",
    "postmanruntime",
    "python",
    "python-httpx",
    "python-requests",
    "python-urllib",
    "undici",
    "wget",
    // Monitoring.
    "blackbox-exporter",
    "kube-probe",
    "uptime-kuma",
];

/// How the names of crawlers end, as in `Googlebot/2.1` and `Mozilla/5.0 (compatible; bingbot/2.0; …)`.
const CRAWLERS: [&[u8]; 3] = [b"bot", b"crawler", b"spider"];

/// The longest name of a program that is looked at.
const LONGEST_NAME: usize = 64;
/// How much of a browser's `User-Agent` is looked through for a crawler.
const LONGEST_BROWSER: usize = 256;

/// A table of the agents of robots.
#[derive(Debug)]
pub struct Robots {
    /// By the lowest five bits of the first byte, which are the same in both cases of a letter.
    agents: [Vec<Vec<u8>>; 32],
}

impl Robots {
    /// The known robots, and those whose `User-Agent` begins with one of `others`.
    pub fn new<'a>(others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut agents = [const { Vec::new() }; 32];
        for agent in AGENTS.iter().copied().chain(others) {
            let agent = agent.to_ascii_lowercase().into_bytes();
            if let Some(first) = agent.first() {
                agents[bucket(*first)].push(agent);
            }
        }
        Self { agents }
    }

    /// Whether a `User-Agent` is one of a robot. Clients of registries name themselves, so an absent one is.
    pub fn contain(&self, user_agent: Option<&[u8]>) -> bool {
        let Some((agent, first)) = user_agent.and_then(|agent| agent.first().map(|first| (agent, *first))) else { return true };
        self.agents[bucket(first)].iter().any(|robot| begins(agent, robot)) || is_crawler(agent)
    }
}

fn bucket(first: u8) -> usize {
    usize::from(first & 31)
}

/// Whether `agent` begins with the words of `robot`.
fn begins(agent: &[u8], robot: &[u8]) -> bool {
    agent.get(..robot.len()).is_some_and(|start| start.eq_ignore_ascii_case(robot))
        && !agent.get(robot.len()).is_some_and(u8::is_ascii_alphanumeric)
}

fn is_crawler(agent: &[u8]) -> bool {
    if begins(agent, b"mozilla") {
        let looked_at = &agent[..agent.len().min(LONGEST_BROWSER)];
        return looked_at.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-').any(is_crawlers_name);
    }
    let name = agent.iter().take(LONGEST_NAME).position(|byte| matches!(byte, b'/' | b' ')).unwrap_or(agent.len().min(LONGEST_NAME));
    is_crawlers_name(&agent[..name])
}

fn is_crawlers_name(name: &[u8]) -> bool {
    CRAWLERS.iter().any(|end| name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_robot(agent: &str) -> bool {
        Robots::new(["acme-sync"]).contain(Some(agent.as_bytes()))
    }

    #[test]
    fn clients_that_people_and_clusters_use_are_no_robots() {
        for agent in [
            "docker/27.3.1 go/go1.22.7 git-commit/41ca978 kernel/6.8.0 os/linux arch/amd64 UpstreamClient(Docker-Client/27.3.1 \\(linux\\))",
            "containerd/v2.0.0",
            "containers/5.32.2 (github.com/containers/image)",
            "Buildah/1.37.5",
            "buildkit/v0.17",
            "cri-o/1.31.0 go/go1.22 os/linux arch/amd64",
            "crane/v0.20.2 go-containerregistry/v0.20.2",
            "go-containerregistry/v0.20.2",
            "skopeo/1.16.1",
            "regclient/regctl (v0.7.2)",
            "Helm/3.16.2",
            "oras/1.2.0",
            "kaniko/v1.23.2",
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "curling-league/1.0",
            "robotics/2",
        ] {
            assert!(!is_robot(agent), "{agent}");
        }
    }

    #[test]
    fn updaters_scanners_mirrors_scripts_and_crawlers_are_robots() {
        for agent in [
            "RenovateBot/37.440.7 (https://github.com/renovatebot/renovate)",
            "renovate",
            "dependabot-core/0.285.0 excon/0.112.0 ruby/3.3.5",
            "trivy/0.57.0 go-containerregistry/v0.20.2",
            "cosign/v2.4.1 (linux; amd64) go-containerregistry/v0.20.2",
            "Diun/4.28.0",
            "Watchtower/v1.7.1",
            "harbor-registry-client",
            "regclient/regsync (v0.7.2)",
            "curl/8.5.0",
            "Go-http-client/1.1",
            "GO-HTTP-CLIENT/2.0",
            "python-requests/2.32.3",
            "Googlebot/2.1 (+http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Acme-Sync 3",
        ] {
            assert!(is_robot(agent), "{agent}");
        }
        assert!(Robots::new([]).contain(None) && Robots::new([]).contain(Some(b"")));
    }

    #[test]
    fn the_table_is_in_lower_case_and_names_nobody_twice() {
        let mut agents = AGENTS.to_vec();
        agents.sort_unstable();
        agents.dedup();
        assert_eq!(agents.len(), AGENTS.len());
        assert!(AGENTS.iter().all(|agent| agent.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_classified(agent in prop::collection::vec(any::<u8>(), 0..400)) {
            Robots::new([]).contain(Some(&agent));
        }

        #[test]
        fn the_case_of_an_agent_does_not_matter(agent in "[a-zA-Z/. ;()-]{0,40}") {
            prop_assert_eq!(is_robot(&agent), is_robot(&agent.to_ascii_uppercase()));
        }
    }
}
