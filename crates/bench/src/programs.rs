//! The programs that `compare` knows how to start.

/// A program, with what it keeps its data in unless that is a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Roadstead,
    /// Metadata in PostgreSQL, blobs in a folder.
    RoadsteadPostgres,
    /// Metadata in PostgreSQL, blobs in S3.
    RoadsteadS3,
    /// The same behind nginx.
    RoadsteadProxied,
    /// Three processes of the same behind nginx, which hands every request to the next one.
    RoadsteadReplicas,
    Distribution,
    DistributionS3,
    DockerRegistry,
    Zot,
    Olareg,
    Angos,
    AngosS3,
    Nginx,
    Hyper,
    HyperProxied,
    HyperReplicas,
}

impl Program {
    pub(crate) const ALL: [Self; 16] = [
        Self::Roadstead,
        Self::RoadsteadPostgres,
        Self::RoadsteadS3,
        Self::RoadsteadProxied,
        Self::RoadsteadReplicas,
        Self::Olareg,
        Self::Zot,
        Self::Angos,
        Self::AngosS3,
        Self::Distribution,
        Self::DistributionS3,
        Self::DockerRegistry,
        Self::Nginx,
        Self::Hyper,
        Self::HyperProxied,
        Self::HyperReplicas,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Roadstead => "roadstead",
            Self::RoadsteadPostgres => "roadstead-postgres",
            Self::RoadsteadS3 => "roadstead-s3",
            Self::RoadsteadProxied => "roadstead-proxied",
            Self::RoadsteadReplicas => "roadstead-replicas",
            Self::Distribution => "distribution",
            Self::DistributionS3 => "distribution-s3",
            Self::DockerRegistry => "docker-registry",
            Self::Zot => "zot",
            Self::Olareg => "olareg",
            Self::Angos => "angos",
            Self::AngosS3 => "angos-s3",
            Self::Nginx => "nginx",
            Self::Hyper => "hyper",
            Self::HyperProxied => "hyper-proxied",
            Self::HyperReplicas => "hyper-replicas",
        }
    }

    /// The same binary with its data in a folder.
    pub(crate) const fn base(self) -> Self {
        match self {
            Self::RoadsteadPostgres | Self::RoadsteadS3 | Self::RoadsteadProxied | Self::RoadsteadReplicas => Self::Roadstead,
            Self::DistributionS3 => Self::Distribution,
            Self::AngosS3 => Self::Angos,
            Self::HyperProxied | Self::HyperReplicas => Self::Hyper,
            other => other,
        }
    }

    /// The name of the binary on the PATH.
    pub(crate) const fn binary(self) -> &'static str {
        match self.base() {
            Self::Distribution => "registry",
            base => base.name(),
        }
    }

    pub(crate) const fn needs_database(self) -> bool {
        matches!(self, Self::RoadsteadPostgres | Self::RoadsteadS3 | Self::RoadsteadProxied | Self::RoadsteadReplicas)
    }

    pub(crate) const fn needs_s3(self) -> bool {
        matches!(self, Self::RoadsteadS3 | Self::RoadsteadProxied | Self::RoadsteadReplicas | Self::DistributionS3 | Self::AngosS3)
    }

    /// The number of processes behind nginx.
    pub(crate) const fn replicas(self) -> Option<usize> {
        match self {
            Self::RoadsteadProxied | Self::HyperProxied => Some(1),
            Self::RoadsteadReplicas | Self::HyperReplicas => Some(3),
            _ => None,
        }
    }

    /// What the server, with the configuration used here, syncs before it acknowledges a push.
    pub(crate) const fn durability(self) -> &'static str {
        match self {
            Self::Roadstead => {
                "fsync of every file and directory of a blob, and of the metadata (concurrent commits share one). Quotas are raised"
            }
            Self::RoadsteadPostgres => "fsync of every file and directory of a blob, and what PostgreSQL syncs. Quotas are raised",
            Self::RoadsteadS3 | Self::RoadsteadProxied | Self::RoadsteadReplicas => {
                "what PostgreSQL and the S3 server sync. Quotas are raised"
            }
            Self::DistributionS3 | Self::AngosS3 => "what the S3 server syncs",
            Self::Distribution => "fsync of every file and directory that it writes",
            Self::DockerRegistry => "no fsync of manifests and tags",
            Self::Zot => "no fsync (its default; `commit: false`)",
            Self::Olareg => "no fsync",
            Self::Angos => "no fsync (its default; `sync_to_disk = false`)",
            Self::Nginx | Self::Hyper | Self::HyperProxied | Self::HyperReplicas => "accepts no pushes",
        }
    }
}
