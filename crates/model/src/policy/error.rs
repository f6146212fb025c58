//! Errors in policies.

/// The maximum length of a policy in characters (service model, `RepositoryPolicyText`).
pub(super) const MAXIMUM_CHARACTERS: usize = 10_240;

/// Why a text is not a policy. The messages are for the operator's terminal and the log; the doors use their own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("a policy has at most {MAXIMUM_CHARACTERS} characters")]
    TooLong,
    /// Not JSON, or an object with a duplicate member.
    #[error("the policy is not valid JSON: {0}")]
    Json(String),
    #[error("a policy is a JSON object")]
    NotAnObject,
    #[error("a policy has no element '{0}'")]
    UnknownElement(String),
    #[error("the element '{0}' has a value of the wrong type")]
    WrongType(&'static str),
    #[error("the version '{0}' is neither 2008-10-17 nor 2012-10-17")]
    Version(String),
    #[error("a policy has at least one statement")]
    NoStatement,
    #[error("two statements have the Sid '{0}'")]
    DuplicateSid(String),
    #[error("statement {number}: {error}")]
    Statement { number: usize, error: StatementError },
}

/// Why a statement is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("a statement is a JSON object")]
    NotAnObject,
    #[error("a statement has no element '{0}'")]
    UnknownElement(String),
    #[error("the element '{0}' has a value of the wrong type")]
    WrongType(&'static str),
    #[error("the element '{0}' is missing")]
    Missing(&'static str),
    #[error("the element '{0}' has an empty list")]
    Empty(&'static str),
    #[error("the elements '{0}' and 'Not{0}' exclude each other")]
    BothForms(&'static str),
    #[error("the Sid '{0}' has other characters than letters and digits")]
    Sid(String),
    #[error("the effect '{0}' is neither Allow nor Deny")]
    Effect(String),
    #[error("'{0}' is no action")]
    Action(String),
    #[error("'{0}' is neither an ARN nor '*'")]
    Resource(String),
    #[error("an identity policy names no principal")]
    PrincipalForbidden,
    #[error("a repository policy names no resource")]
    ResourceForbidden,
    #[error("'{0}' is no principal")]
    Principal(String),
    #[error("'NotPrincipal' goes with the effect Deny only")]
    NotPrincipalAllows,
    #[error("there is no condition operator '{0}'")]
    Operator(String),
    #[error("'{0}' is no condition key")]
    ConditionKey(String),
    #[error("the condition operator '{operator}' cannot compare with '{value}'")]
    ConditionValue { operator: String, value: String },
    #[error("'{0}' has a malformed policy variable")]
    Variable(String),
}
