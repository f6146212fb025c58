//! The AWS managed policies for ECR Public, which every account has.
//!
//! Source: Amazon ECR Public user guide, "AWS managed policies for Amazon Elastic Container Registry Public".

const ARN_PREFIX: &str = "arn:aws:iam::aws:policy/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagedPolicy {
    pub name: &'static str,
    /// An identity policy.
    pub document: &'static str,
}

/// The managed policies, sorted by name.
pub const MANAGED_POLICIES: [ManagedPolicy; 3] = [
    ManagedPolicy { name: "AmazonElasticContainerRegistryPublicFullAccess", document: FULL_ACCESS },
    ManagedPolicy { name: "AmazonElasticContainerRegistryPublicPowerUser", document: POWER_USER },
    ManagedPolicy { name: "AmazonElasticContainerRegistryPublicReadOnly", document: READ_ONLY },
];

const FULL_ACCESS: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["ecr-public:*", "sts:GetServiceBearerToken"],
      "Resource": "*"
    }
  ]
}"#;

const POWER_USER: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ecr-public:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
        "ecr-public:BatchCheckLayerAvailability",
        "ecr-public:GetRepositoryPolicy",
        "ecr-public:DescribeRepositories",
        "ecr-public:DescribeRegistries",
        "ecr-public:DescribeImages",
        "ecr-public:DescribeImageTags",
        "ecr-public:GetRepositoryCatalogData",
        "ecr-public:GetRegistryCatalogData",
        "ecr-public:InitiateLayerUpload",
        "ecr-public:UploadLayerPart",
        "ecr-public:CompleteLayerUpload",
        "ecr-public:PutImage"
      ],
      "Resource": "*"
    }
  ]
}"#;

const READ_ONLY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ecr-public:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
        "ecr-public:BatchCheckLayerAvailability",
        "ecr-public:GetRepositoryPolicy",
        "ecr-public:DescribeRepositories",
        "ecr-public:DescribeRegistries",
        "ecr-public:DescribeImages",
        "ecr-public:DescribeImageTags",
        "ecr-public:GetRepositoryCatalogData",
        "ecr-public:GetRegistryCatalogData"
      ],
      "Resource": "*"
    }
  ]
}"#;

impl ManagedPolicy {
    /// Finds a managed policy by its name or by its ARN (`arn:aws:iam::aws:policy/<name>`).
    pub fn find(name_or_arn: &str) -> Option<&'static Self> {
        let name = name_or_arn.strip_prefix(ARN_PREFIX).unwrap_or(name_or_arn);
        MANAGED_POLICIES.iter().find(|policy| policy.name == name)
    }

    pub fn arn(&self) -> String {
        format!("{ARN_PREFIX}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RegistryId;
    use crate::policy::evaluate::{Verdict, evaluate_identity};
    use crate::policy::{Caller, Policy, PolicyKind, RequestContext};

    /// Every action of the API with the managed policies that allow it: F(ull access), P(ower user), R(ead only).
    const ALLOWED: &[(&str, &str)] = &[
        ("ecr-public:BatchCheckLayerAvailability", "FPR"),
        ("ecr-public:BatchDeleteImage", "F"),
        ("ecr-public:CompleteLayerUpload", "FP"),
        ("ecr-public:CreateRepository", "F"),
        ("ecr-public:DeleteRepository", "F"),
        ("ecr-public:DeleteRepositoryPolicy", "F"),
        ("ecr-public:DescribeImageTags", "FPR"),
        ("ecr-public:DescribeImages", "FPR"),
        ("ecr-public:DescribeRegistries", "FPR"),
        ("ecr-public:DescribeRepositories", "FPR"),
        ("ecr-public:GetAuthorizationToken", "FPR"),
        ("ecr-public:GetRegistryCatalogData", "FPR"),
        ("ecr-public:GetRepositoryCatalogData", "FPR"),
        ("ecr-public:GetRepositoryPolicy", "FPR"),
        ("ecr-public:InitiateLayerUpload", "FP"),
        ("ecr-public:ListTagsForResource", "F"),
        ("ecr-public:PutImage", "FP"),
        ("ecr-public:PutRegistryCatalogData", "F"),
        ("ecr-public:PutRepositoryCatalogData", "F"),
        ("ecr-public:SetRepositoryPolicy", "F"),
        ("ecr-public:TagResource", "F"),
        ("ecr-public:UntagResource", "F"),
        ("ecr-public:UploadLayerPart", "FP"),
        ("sts:GetServiceBearerToken", "FPR"),
        ("ecr:PutImage", ""),
        ("sts:AssumeRole", ""),
    ];

    #[test]
    fn managed_policies_allow_what_aws_says() {
        let account = RegistryId::parse("111122223333").expect("twelve digits");
        for (action, letters) in ALLOWED {
            let context = RequestContext::new(Caller::user(account.clone(), "ann"), action, None);
            for (managed, letter) in MANAGED_POLICIES.iter().zip(["F", "P", "R"]) {
                let policy = Policy::parse(managed.document).expect("a good policy");
                let expected = if letters.contains(letter) { Verdict::Allow } else { Verdict::Silent };
                assert_eq!(evaluate_identity([&policy], &context), expected, "{} {action}", managed.name);
            }
        }
    }

    #[test]
    fn managed_policies_are_found_by_name_and_arn_and_pass_as_identity_policies() {
        for managed in &MANAGED_POLICIES {
            assert_eq!(ManagedPolicy::find(managed.name), Some(managed));
            assert_eq!(ManagedPolicy::find(&managed.arn()), Some(managed));
            assert!(Policy::new(PolicyKind::Identity, managed.document).is_ok());
        }
        assert_eq!(ManagedPolicy::find("AdministratorAccess"), None);
    }
}
