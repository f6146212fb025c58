use super::setting::{Form, Setting};
use super::settings::SETTINGS;
use super::*;
use clap::{Args, FromArgMatches};
use roadstead_registry::{BlobsPlace, DatabasePlace, Limits, Password};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

fn flags(arguments: &[&str]) -> Flags {
    let command = Flags::augment_args(clap::Command::new("serve").no_binary_name(true));
    Flags::from_arg_matches(&command.get_matches_from(arguments)).unwrap()
}

fn sources(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Sources, ConfigError> {
    let environment: Vec<(OsString, OsString)> = environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Sources::read(flags(arguments), environment.into_iter())
}

pub(super) fn config(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    sources(arguments, environment).and_then(|sources| Config::from_sources(&sources)).map_err(|error| error.to_string())
}

pub(super) fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// For each setting a value other than the default, as text and as written in the file.
const OTHER_VALUES: &[(&str, &str, &str)] = &[
    ("listen", "127.0.0.1:0", "'127.0.0.1:0'"),
    ("admin_listen", "127.0.0.1:9000", "'127.0.0.1:9000'"),
    ("data", "/srv/roadstead", "'/srv/roadstead'"),
    ("database", "postgres://rs@db/registry", "'postgres://rs@db/registry'"),
    ("database_password_file", "/etc/roadstead/password", "'/etc/roadstead/password'"),
    ("database_connections", "5", "5"),
    ("database_statement_timeout", "10s", "'10s'"),
    ("stale_reads", "1s", "'1s'"),
    ("blobs", "s3://images/registry", "'s3://images/registry'"),
    ("s3_endpoint", "https://s3.example", "'https://s3.example'"),
    ("s3_region", "eu-central-1", "'eu-central-1'"),
    ("s3_path_style", "true", "true"),
    ("master_key_file", "/etc/roadstead/master.key", "'/etc/roadstead/master.key'"),
    ("wait", "10s", "'10s'"),
    ("drain", "0", "'0'"),
    ("ephemeral", "true", "true"),
    ("ready_file", "/run/roadstead/ready.json", "'/run/roadstead/ready.json'"),
    ("stop_with_stdin", "true", "true"),
    ("public_url", "https://registry.example", "'https://registry.example'"),
    ("tls_cert", "/etc/tls/chain.pem", "'/etc/tls/chain.pem'"),
    ("tls_key", "/etc/tls/key.pem", "'/etc/tls/key.pem'"),
    ("acme_domain", "registry.example.org", "['registry.example.org']"),
    ("acme_email", "ops@example.org", "'ops@example.org'"),
    ("acme_directory", "https://ca.example/directory", "'https://ca.example/directory'"),
    ("acme_ca_file", "/etc/tls/ca.pem", "'/etc/tls/ca.pem'"),
    ("hsts", "365d", "'365d'"),
    ("cors_origin", "https://app.example", "['https://app.example']"),
    ("account_id", "123456789012", "'123456789012'"),
    ("alias", "harbour", "'harbour'"),
    ("trusted_proxy", "10.0.0.0/8", "['10.0.0.0/8']"),
    ("max_connections", "200", "200"),
    ("worker_threads", "3", "3"),
    ("max_connections_per_address", "50", "50"),
    ("aws_regions", "us-east-1", "['us-east-1']"),
    ("log", "warn,roadstead::access=info", "'warn,roadstead::access=info'"),
    ("log_format", "json", "'json'"),
    ("audit_log", "/var/log/roadstead/audit.log", "'/var/log/roadstead/audit.log'"),
    ("failed_login_rate", "10/m", "'10/m'"),
    ("create_on_push", "true", "true"),
    ("anonymous_describe", "false", "false"),
    ("emulator", "true", "true"),
    ("emulator_on_network", "true", "true"),
    ("sparse_indexes", "true", "true"),
    ("pull_rate_anonymous", "1/s", "'1/s'"),
    ("pull_rate_authenticated", "10/s", "'10/s'"),
    ("pull_volume", "500GB", "'500GB'"),
    ("blob_redirect", "true", "true"),
    ("blob_redirect_lifetime", "1h", "'1h'"),
    ("blob_redirect_url", "https://cdn.example/images", "'https://cdn.example/images'"),
    ("robots", "acme-scanner", "['acme-scanner']"),
    ("memory_budget", "64MiB", "'64MiB'"),
    ("body_grace", "5s", "'5s'"),
    ("body_rate", "1KiB", "'1KiB'"),
    ("idle_timeout", "10s", "'10s'"),
    ("stall_timeout", "20s", "'20s'"),
    ("gc_interval", "30m", "'30m'"),
    ("gc_grace", "7d", "'7d'"),
    ("scrub", "30d", "'30d'"),
    ("otlp_endpoint", "http://collector:4318", "'http://collector:4318'"),
    ("otlp_ratio", "0.25", "0.25"),
    ("otlp_service", "harbour", "'harbour'"),
    ("gallery", "false", "false"),
    ("gallery_name", "The quay", "'The quay'"),
    ("gallery_notice", "Closed on Sunday", "'Closed on Sunday'"),
    ("gallery_imprint", "https://example.org/imprint", "'https://example.org/imprint'"),
    ("gallery_contact", "mailto:harbour@example.org", "'mailto:harbour@example.org'"),
    ("gallery_max_age", "60s", "'60s'"),
    ("gallery_rate", "5/s", "'5/s'"),
    ("limit_repositories", "5", "5"),
    ("limit_images_per_repository", "5", "5"),
    ("limit_tags_per_image", "5", "5"),
    ("limit_resource_tags", "5", "5"),
    ("limit_uploads", "5", "5"),
    ("limit_uploads_per_repository", "5", "5"),
    ("limit_layer_size", "20GiB", "'20GiB'"),
    ("rates", "PutImage=10,UploadLayerPart=0.5", "{ PutImage = 10, UploadLayerPart = 0.5 }"),
];

#[test]
fn a_server_on_a_database_serves_requests_on_half_of_the_cores_unless_told_otherwise() {
    let threads = |arguments: &[&str]| {
        let config = config(arguments, &[]).unwrap();
        [1, 2, 3, 16].map(|cores| config.threads_on(cores))
    };
    assert_eq!(threads(&[]), [1, 2, 3, 16]);
    assert_eq!(threads(&["--database", "postgres://roadstead@db/registry"]), [1, 1, 2, 8]);
    assert_eq!(config(&["--worker-threads", "5"], &[]).unwrap().worker_threads(), 5);
    assert!(config(&["--worker-threads", "0"], &[]).unwrap_err().contains("'0' is not a number from 1 to 1000"));
}

#[test]
fn nothing_needs_to_be_configured() {
    let config = config(&[], &[("HOME", "/root")]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:5000");
    assert_eq!(config.places.data, PathBuf::from("./roadstead-data"));
    assert!(
        !config.ephemeral
            && config.account_id.is_none()
            && config.alias.is_none()
            && config.public_url.is_none()
            && config.trusted_proxies.is_empty()
    );
}

#[test]
fn every_setting_has_a_flag_a_variable_and_a_key_that_mean_the_same() {
    let default = format!("{:?}", config(&[], &[]).unwrap());
    assert_eq!(OTHER_VALUES.len(), SETTINGS.len());
    for setting in SETTINGS {
        let (key, text, in_file) = *OTHER_VALUES.iter().find(|(key, ..)| *key == setting.key).unwrap();
        let by_flag = format!("{:?}", config(&[&format!("--{}={text}", setting.flag())], &[]).unwrap());
        let by_variable = format!("{:?}", config(&[], &[(&setting.variable(), text)]).unwrap());
        let file = match setting.in_file() {
            (Some(table), key) => file(&format!("[{table}]\n{key} = {in_file}\n")),
            (None, key) => file(&format!("{key} = {in_file}\n")),
        };
        let by_file = format!("{:?}", config(&["--config", file.path().to_str().unwrap()], &[]).unwrap());
        assert_ne!(by_flag, default, "{key} does nothing");
        assert_eq!(by_flag, by_variable, "{key}");
        assert_eq!(by_flag, by_file, "{key}");
    }
}

/// The fields of a configuration in debug output, each with its value.
fn fields(config: &Config) -> Vec<String> {
    let shown = format!("{config:#?}");
    let starts_field = |line: &str| line.starts_with("    ") && line.as_bytes()[4].is_ascii_alphabetic();
    let mut fields: Vec<String> = Vec::new();
    for line in shown.lines().skip(1) {
        if starts_field(line) { fields.push(line.to_owned()) } else { fields.last_mut().unwrap().push_str(line) }
    }
    fields
}

#[test]
fn a_server_listens_on_a_host_and_a_port_of_digits() {
    for good in ["localhost:0", "127.0.0.1:5000", "[::1]:65535", "registry_1.example.org:80"] {
        assert_eq!(config(&["--listen", good], &[]).unwrap().listen, good);
    }
    for bad in ["localhost", ":80", "localhost:", "localhost:+80", "localhost:65536", "::1:80", "[::1]", "a b:80", "http://localhost:80"] {
        assert_eq!(
            config(&["--listen", bad], &[]).unwrap_err(),
            format!("--listen: '{bad}' is not an address of the form host:port, such as 127.0.0.1:5000")
        );
    }
}

#[test]
fn every_field_can_be_set() {
    let account = file("[[account]]\naccess_key = [{ id = 'AKIDEXAMPLE', secret = 'hunter2hunter2hunter2' }]\n");
    let mut arguments = vec![format!("--config={}", account.path().display())];
    arguments.extend(OTHER_VALUES.iter().map(|(key, text, _)| format!("--{}={text}", key.replace('_', "-"))));
    // `--ephemeral` overrides it.
    arguments.retain(|argument| !argument.starts_with("--data="));
    let environment = [
        ("ROADSTEAD_DATA", "/srv/roadstead"),
        ("ROADSTEAD_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("ROADSTEAD_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"),
        ("ROADSTEAD_MASTER_KEY", &"ab".repeat(32)),
    ];
    let set = config(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &environment).unwrap();
    for (set, default) in fields(&set).iter().zip(fields(&config(&[], &[]).unwrap())) {
        assert_ne!(*set, default, "no setting sets this field");
    }
}

#[test]
fn the_defaults_of_limits_are_those_of_the_registry() {
    assert_eq!(format!("{:?}", config(&[], &[]).unwrap().limits), format!("{:?}", Limits::default()));
}

#[test]
fn a_command_is_not_refused_for_a_setting_that_does_not_concern_it() {
    let sources = sources(&["--listen=nonsense", "--gc-grace=7d"], &[]).unwrap();
    assert!(Config::from_sources(&sources).is_err());
    assert_eq!(Config::only([&GC_GRACE], &sources).unwrap().gc_grace, Duration::from_secs(7 * 24 * 60 * 60));
}

#[test]
fn a_flag_wins_over_the_environment_the_environment_over_the_file_and_the_file_over_the_default() {
    let file = file("alias = 'fromfile'\nephemeral = true\n");
    let path = file.path().to_str().unwrap();
    let alias = |arguments: &[&str], environment: &[(&str, &str)]| config(arguments, environment).unwrap().alias.unwrap().to_string();
    assert_eq!(alias(&["--config", path], &[]), "fromfile");
    assert_eq!(alias(&["--config", path], &[("ROADSTEAD_ALIAS", "fromenv")]), "fromenv");
    assert_eq!(alias(&[], &[("ROADSTEAD_CONFIG", path), ("ROADSTEAD_ALIAS", "fromenv")]), "fromenv");
    assert_eq!(alias(&["--alias", "fromflag"], &[("ROADSTEAD_CONFIG", path), ("ROADSTEAD_ALIAS", "fromenv")]), "fromflag");
    assert!(!config(&["--config", path, "--ephemeral=false"], &[]).unwrap().ephemeral);
    assert!(config(&["--ephemeral"], &[("ROADSTEAD_EPHEMERAL", "false")]).unwrap().ephemeral);
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_line() {
    let file = file("# the harbour\nalias = 'harbour'\nlisten_on = ':5000'\n");
    let path = file.path().to_str().unwrap();
    let refusal = config(&["--config", path], &[]).unwrap_err();
    assert!(refusal.starts_with(&format!("{path}:3: unknown key 'listen_on'")), "{refusal}");
}

#[test]
fn a_bad_value_is_refused_with_its_place_in_every_source() {
    let file = file("\n\npublic_url = 'ftp://registry.example'\n");
    let path = file.path().to_str().unwrap();
    let from_file = config(&["--config", path], &[]).unwrap_err();
    assert!(from_file.starts_with(&format!("{path}:3: ")), "{from_file}");
    let from_variable = config(&[], &[("ROADSTEAD_LISTEN", "five thousand")]).unwrap_err();
    assert_eq!(
        from_variable,
        "environment variable ROADSTEAD_LISTEN: 'five thousand' is not an address of the form host:port, such as 127.0.0.1:5000"
    );
    let from_flag = config(&["--account-id", "12"], &[]).unwrap_err();
    assert_eq!(from_flag, "--account-id: '12' is not a registry id: twelve digits");
}

#[test]
fn a_bad_value_that_is_overridden_does_not_matter() {
    assert_eq!(config(&["--listen", "127.0.0.1:1"], &[("ROADSTEAD_LISTEN", "nonsense")]).unwrap().listen, "127.0.0.1:1");
}

#[test]
fn values_of_the_wrong_kind_in_the_file_are_refused() {
    for (text, reason) in [
        ("account_id = 123456789012", "'account_id' is a string in quotes, not a value of type integer"),
        ("ephemeral = 'yes'", "'ephemeral' is true or false, not a value of type string"),
        ("trusted_proxy = [1]", "'trusted_proxy' is a list of strings"),
        ("[listen]\nport = 5000", "'listen' is a string in quotes, not a value of type table"),
    ] {
        let file = file(text);
        let path = file.path().to_str().unwrap();
        assert_eq!(config(&["--config", path], &[]).unwrap_err(), format!("{path}:1: {reason}"));
    }
}

#[test]
fn a_file_that_is_not_toml_or_not_there_is_refused_with_its_place() {
    let file = file("alias = 'a1b2c3d4'\nlisten =\n");
    let path = file.path().to_str().unwrap();
    let refusal = config(&["--config", path], &[]).unwrap_err();
    assert!(refusal.starts_with(&format!("{path}:2: ")) && !refusal.contains('\n'), "{refusal}");
    let refusal = config(&[], &[("ROADSTEAD_CONFIG", "/nowhere/roadstead.toml")]).unwrap_err();
    assert!(refusal.starts_with("environment variable ROADSTEAD_CONFIG: cannot read '/nowhere/roadstead.toml'"), "{refusal}");
}

#[test]
fn an_access_key_is_given_whole_or_not_at_all() {
    let both = [("ROADSTEAD_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("ROADSTEAD_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")];
    assert_eq!(config(&[], &both).unwrap().root_key.unwrap().secret.0, "wJalrXUtnFEMI/K7MDENG");
    let refusal = config(&[], &both[..1]).unwrap_err();
    assert_eq!(
        refusal,
        "environment variable ROADSTEAD_SECRET_ACCESS_KEY: is not set, but ROADSTEAD_ACCESS_KEY_ID is: set both or neither"
    );
    assert!(config(&[], &both[1..]).is_err());
    assert!(config(&[], &[("ROADSTEAD_ACCESS_KEY_ID", "a/b"), both[1]]).is_err());
}

#[test]
fn a_master_key_is_32_bytes_in_hexadecimal_or_base64() {
    let hex = "ab".repeat(32);
    let base64 = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    for text in [hex.as_str(), base64] {
        assert_eq!(config(&[], &[("ROADSTEAD_MASTER_KEY", text)]).unwrap().master_key.unwrap().0, [0xab; 32]);
    }
    let refusal = config(&[], &[("ROADSTEAD_MASTER_KEY", "hunter2")]).unwrap_err();
    assert_eq!(refusal, "environment variable ROADSTEAD_MASTER_KEY: is not 32 bytes in hexadecimal or base64");
    assert_eq!(config(&[], &[("ROADSTEAD_MASTER_KEY", "")]).unwrap_err(), "environment variable ROADSTEAD_MASTER_KEY: is empty");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let environment = [
        ("ROADSTEAD_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("ROADSTEAD_SECRET_ACCESS_KEY", "hunter2hunter2hunter2"),
        ("ROADSTEAD_MASTER_KEY", &"ab".repeat(32)),
    ];
    let shown = format!("{:?}", config(&[], &environment).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("171"), "{shown}");
}

#[test]
fn the_password_of_a_database_is_given_once_and_never_shown() {
    let url = "--database=postgres://rs:hunter2@db/registry";
    assert!(!format!("{:?}", config(&[url], &[]).unwrap()).contains("hunter2"));
    let refusal = config(&[url, "--database-password-file=/run/secrets/password"], &[]).unwrap_err();
    assert_eq!(refusal, "--database-password-file: the URL of the database contains a password too: remove one of them");
    let refusal = config(&[], &[("ROADSTEAD_DATABASE", "postgres://rs:hunter2@one,two/registry")]).unwrap_err();
    assert_eq!(refusal, "environment variable ROADSTEAD_DATABASE: names several hosts: name one that always leads to the primary");
}

#[test]
fn a_server_and_its_commands_open_the_same_places() {
    let flags = ["--database=postgres://rs@db/registry", "--blobs=s3://images/a", "--s3-endpoint=http://localhost:9000"];
    let environment = [("ROADSTEAD_DATABASE_PASSWORD_FILE", "/run/secrets/password"), ("ROADSTEAD_MASTER_KEY_FILE", "/run/secrets/key")];
    let server = config(&flags, &environment).unwrap().open_options("data".into());
    let command = sources(&flags, &environment).unwrap().open_options().unwrap();
    assert_eq!((command.database.to_string(), command.blobs.to_string()), (server.database.to_string(), server.blobs.to_string()));
    assert!(matches!(&command.database, DatabasePlace::Postgres(database) if database.connections > 0));
    assert!(matches!(&command.blobs, BlobsPlace::S3(bucket) if bucket.memory > 0));
    let DatabasePlace::Postgres(database) = server.database else { panic!("{:?}", server.database) };
    assert_eq!((database.password, database.connections), (Password::File("/run/secrets/password".into()), 20));
    let BlobsPlace::S3(bucket) = server.blobs else { panic!("{:?}", server.blobs) };
    assert_eq!((bucket.endpoint.as_deref(), bucket.path_style, bucket.memory), (Some("http://localhost:9000"), true, 64 << 20));
    assert_eq!(command.master_key_file, Some("/run/secrets/key".into()));
    assert_eq!(server.wait, Duration::from_secs(60));
}

#[test]
fn settings_of_a_database_a_bucket_or_a_collector_that_is_not_used_are_reported() {
    let idle = |arguments: &[&str], environment: &[(&str, &str)]| {
        let sources = sources(arguments, environment).unwrap();
        let idle = sources.idle_settings(&Config::from_sources(&sources).unwrap());
        idle.into_iter().map(|(place, needed)| format!("{place} {needed}")).collect::<Vec<_>>()
    };
    let file = file("database_connections = 5\n");
    let of_database = ["--config", file.path().to_str().unwrap(), "--stale-reads=1s"];
    let of_bucket = [("ROADSTEAD_S3_ENDPOINT", "https://s3.example"), ("ROADSTEAD_S3_PATH_STYLE", "true")];
    let [database, bucket] = ["--database=postgres://rs@db/registry", "--blobs=s3://images"];
    assert_eq!(idle(&[], &[]), [""; 0]);
    assert_eq!(idle(&[&of_database[..], &[database]].concat(), &[]), [""; 0]);
    assert_eq!(idle(&[bucket], &of_bucket), [""; 0]);
    let named = [format!("{}:1 --database postgres://…", file.path().display()), "--stale-reads --database postgres://…".to_owned()];
    assert_eq!(idle(&[&of_database[..], &[bucket]].concat(), &of_bucket), named);
    let named =
        ["environment variable ROADSTEAD_S3_ENDPOINT --blobs s3://…", "environment variable ROADSTEAD_S3_PATH_STYLE --blobs s3://…"];
    assert_eq!(idle(&[&of_database[..], &[database]].concat(), &of_bucket), named);
    let (ratio, service) = ("--otlp-ratio=0.5", [("ROADSTEAD_OTLP_SERVICE", "harbour")]);
    assert_eq!(idle(&[ratio, "--otlp-endpoint=http://collector:4318"], &service), [""; 0]);
    assert_eq!(idle(&[ratio], &service), ["--otlp-ratio --otlp-endpoint", "environment variable ROADSTEAD_OTLP_SERVICE --otlp-endpoint"]);
}

#[test]
fn a_directory_that_ephemeral_would_ignore_is_refused_unless_ephemeral_overrides_it() {
    let both = file("ephemeral = true\ndata = '/srv/roadstead'\n");
    let both = format!("--config={}", both.path().display());
    let refused = |arguments: &[&str], environment: &[(&str, &str)]| config(arguments, environment).unwrap_err();
    let reason = "--ephemeral keeps nothing in '/srv/roadstead': remove one of the two";
    assert_eq!(refused(&["--ephemeral", "--data=/srv/roadstead"], &[]), format!("--data: {reason}"));
    let variables = [("ROADSTEAD_DATA", "/srv/roadstead"), ("ROADSTEAD_EPHEMERAL", "true")];
    assert!(refused(&[&both], &[]).ends_with(reason));
    assert!(refused(&[&both], &variables[..1]).ends_with(reason));
    for (arguments, environment) in
        [(&["--ephemeral"][..], &variables[..1]), (&["--ephemeral", &both], &[]), (&[&both], &variables[1..]), (&[], &variables)]
    {
        assert!(config(arguments, environment).unwrap().ephemeral);
    }
    assert!(!config(&["--ephemeral=false", "--data=/srv/roadstead"], &[]).unwrap().ephemeral);
}

#[test]
fn a_filter_of_logs_consists_of_levels_and_of_parts_with_levels() {
    for good in ["off", "DEBUG", "info,roadstead::access=off", "roadstead_registry=trace", " warn , hyper=debug"] {
        let filter = good.replace(' ', "");
        assert_eq!(config(&["--log-level", good], &[]).unwrap().log.as_ref(), Some(&filter));
        assert_eq!(config(&[], &[("ROADSTEAD_LOG", good)]).unwrap().log.as_ref(), Some(&filter));
    }
    for (bad, word) in [("verbose,,", "verbose"), ("info,", ""), ("roadstead", "roadstead"), ("2", "2")] {
        let refusal = config(&[], &[("ROADSTEAD_LOG", bad)]).unwrap_err();
        assert!(refusal.starts_with(&format!("environment variable ROADSTEAD_LOG: '{word}' is not a level: use off, ")), "{refusal}");
    }
    assert!(config(&["--log=roadstead=loud"], &[]).unwrap_err().starts_with("--log: 'roadstead=loud' is not a log filter"));
}

#[test]
fn the_file_of_the_debian_package_shows_only_valid_settings() {
    let shipped = include_str!("../../../../packaging/debian/roadstead.toml");
    let uncommented = |line: &str| line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line).to_owned();
    let every_setting: Vec<String> = shipped.lines().map(uncommented).collect();
    // The two alternatives for `listen` exclude each other.
    let (loopback, others): (Vec<&str>, Vec<&str>) =
        every_setting.iter().map(String::as_str).partition(|line| line.starts_with("listen = \"127."));
    assert_eq!(loopback.len(), 1);
    let key = ("ROADSTEAD_MASTER_KEY", "ab".repeat(32));
    for text in [shipped, &others.join("\n")] {
        let file = file(text);
        let config = config(&["--config", file.path().to_str().unwrap()], &[(key.0, &key.1)]).unwrap();
        assert_eq!(config.places.data, PathBuf::from("/var/lib/roadstead"));
    }
}

#[test]
fn unknown_variables_are_reported() {
    let sources = sources(&[], &[("ROADSTEAD_LISTN", "x"), ("ROADSTEAD_LOG", "debug"), ("ROADSTEAD_CONFIGS", "x"), ("PATH", "x")]).unwrap();
    assert_eq!(sources.unknown_variables, ["ROADSTEAD_CONFIGS", "ROADSTEAD_LISTN"]);
}

#[test]
fn lists_can_be_repeated_or_separated_by_commas() {
    let repeated = config(&["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "::1"], &[]).unwrap();
    let separated = config(&[], &[("ROADSTEAD_TRUSTED_PROXY", "10.0.0.0/8, ::1")]).unwrap();
    assert_eq!(repeated.trusted_proxies, separated.trusted_proxies);
    assert_eq!(config(&["--aws-regions", "us-east-1,us-west-2"], &[]).unwrap().aws_regions.unwrap(), ["us-east-1", "us-west-2"]);
    assert_eq!(config(&["--aws-regions", "--ephemeral"], &[]).unwrap().aws_regions.unwrap(), ["us-east-1"]);
}

#[test]
fn an_empty_list_of_regions_is_refused_because_it_could_mean_all_or_none() {
    assert_eq!(refusal("aws_regions = []\n"), ":1: 'aws_regions' is an empty list: name at least one, or remove the key");
    assert!(config(&["--aws-regions="], &[]).unwrap_err().starts_with("--aws-regions: '' is not the name of a region"));
    assert_eq!(config(&[], &[("ROADSTEAD_AWS_REGIONS", "")]).unwrap_err(), "environment variable ROADSTEAD_AWS_REGIONS: is empty");
    let file = file("trusted_proxy = []\n");
    assert!(config(&["--config", file.path().to_str().unwrap()], &[]).unwrap().trusted_proxies.is_empty());
}

#[test]
fn a_duration_is_a_whole_number_and_a_unit_and_zero_switches_off() {
    let interval =
        |text: &str| config(&[&format!("--gc-interval={text}")], &[]).map(|config| config.gc_interval.map(|interval| interval.as_secs()));
    for (text, seconds) in [("90s", Some(90)), ("30m", Some(1800)), ("24h", Some(86_400)), ("7d", Some(604_800)), ("0", None), ("0h", None)]
    {
        assert_eq!(interval(text), Ok(seconds), "{text}");
    }
    for text in ["1", "h", "1.5h", "+1h", "1 h", "-1h", "1w", "s"] {
        let refusal = format!("--gc-interval: '{text}' is not a duration such as 90s, 30m, 24h or 7d");
        assert_eq!(interval(text), Err(refusal));
    }
}

#[test]
fn a_duration_is_no_longer_than_what_can_be_added_to_the_present() {
    for flag in ["body-grace", "idle-timeout", "stall-timeout", "hsts", "gc-interval", "gc-grace"] {
        assert!(config(&[&format!("--{flag}=36500d")], &[]).is_ok());
        for text in ["36501d", "18446744073709551615s", "99999999999999999999s", "300000000000000000d"] {
            let refusal = format!("--{flag}: '{text}' is longer than a hundred years: use 36500d or less");
            assert_eq!(config(&[&format!("--{flag}={text}")], &[]).unwrap_err(), refusal);
        }
    }
}

#[test]
fn a_timeout_that_bounds_what_clients_may_hold_cannot_be_switched_off() {
    for flag in ["body-grace", "idle-timeout", "stall-timeout"] {
        let refusal = format!("--{flag}: '0' cannot be switched off: use a duration such as 90s or 10m");
        assert_eq!(config(&[&format!("--{flag}=0")], &[]).unwrap_err(), refusal);
    }
}

#[test]
fn a_negative_number_is_refused_with_the_flag_that_it_was_given_for() {
    assert_eq!(config(&["--max-connections", "-1"], &[]).unwrap_err(), "--max-connections: '-1' is not a whole number above zero");
    assert_eq!(config(&["--aws-regions", "--ephemeral"], &[]).unwrap().aws_regions.unwrap(), ["us-east-1"]);
}

#[test]
fn an_amount_in_the_file_is_a_number_of_bytes_or_a_string_with_a_unit() {
    let of = |text: &str| config(&["--config", file(text).path().to_str().unwrap()], &[]);
    let plain = of("memory_budget = 33554432\nbody_rate = 1024\npull_volume = 5_000\n").unwrap();
    let units = of("memory_budget = '32MiB'\nbody_rate = '1KiB'\npull_volume = '5000'\n").unwrap();
    for config in [plain, units] {
        assert_eq!((config.memory_budget, config.body_pace.rate, config.pull_volume), (32 << 20, 1024, Some(5000)));
    }
}

/// The error for a file, without the path that it begins with.
pub(super) fn refusal(text: &str) -> String {
    let file = file(text);
    let path = file.path().to_str().unwrap();
    let said = config(&["--config", path], &[]).unwrap_err();
    said.strip_prefix(path).unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn limits_are_those_of_aws_until_they_are_set() {
    let limits = config(&[], &[]).unwrap().limits;
    let counts = (limits.repositories, limits.images_per_repository, limits.tags_per_image, limits.resource_tags, limits.layer_bytes);
    assert_eq!(counts, (10_000, 100_000, 1_000, 50, 10_485_760_000));
    let file = file("[limits]\nrepositories = 20_000\nlayer_size = '20 GiB'\n");
    let limits = config(&["--config", file.path().to_str().unwrap(), "--limit-tags-per-image=7"], &[]).unwrap().limits;
    assert_eq!((limits.repositories, limits.layer_bytes, limits.tags_per_image), (20_000, 20 << 30, 7));
}

#[test]
fn a_malformed_number_is_refused_with_its_place() {
    assert_eq!(config(&["--limit-repositories=many"], &[]).unwrap_err(), "--limit-repositories: 'many' is not a whole number");
    assert_eq!(refusal("[limits]\nrepositories = -1\n"), ":2: '-1' is not a whole number");
    assert_eq!(refusal("[limits]\n\nrepositories = 1.5\n"), ":3: '1.5' is not a whole number");
    let size = "is not a size such as 10485760000, 20GiB or 500GB";
    for text in ["", "GiB", "1.5GiB", "20gb", "20kB", "99999999999TiB", "+1"] {
        assert_eq!(refusal(&format!("[limits]\nlayer_size = '{text}'\n")), format!(":2: '{text}' {size}"));
    }
}

#[test]
fn an_unknown_key_in_a_table_is_refused_with_its_name_and_line() {
    let said = refusal("[limits]\nrepositories = 5\ncranes = 5\n");
    assert_eq!(
        said,
        ":3: unknown key 'cranes'; the keys are repositories, images_per_repository, tags_per_image, resource_tags, uploads, uploads_per_repository, layer_size"
    );
    assert!(refusal("limit_repositories = 5\n").starts_with(":1: unknown key 'limit_repositories'"));
    assert!(refusal("repositories = 5\n").starts_with(":1: unknown key 'repositories'"));
    assert_eq!(refusal("limits = 5\n"), ":1: 'limits' is a table, not a value of type integer");
}

#[test]
fn a_rate_has_an_action_of_the_api_and_a_positive_number() {
    let rates = config(&["--rates", "PutImage=10", "--rates=UploadLayerPart=0.5"], &[]).unwrap().rates;
    assert_eq!(rates, [("PutImage", Rate::per_second(10.0)), ("UploadLayerPart", Rate::per_second(0.5))]);
    assert_eq!(refusal("[rates]\nPutImage = 10\nPutImge = 10\n"), ":3: 'PutImge' is no action of the Amazon ECR Public API");
    assert_eq!(refusal("[rates]\nPutImage = 0\n"), ":2: '0' is not a rate: use 0.001 to 1000000 requests per second");
    assert_eq!(refusal("[rates]\nPutImage = nan\n"), ":2: 'nan' is not a rate: use 0.001 to 1000000 requests per second");
    assert_eq!(refusal("[rates]\nPutImage = 'often'\n"), ":2: 'PutImage' is a number, not a value of type string");
    assert_eq!(refusal("rates = 5\n"), ":1: 'rates' is a table of numbers, not a value of type integer");
    assert!(config(&["--rates", "PutImage"], &[]).unwrap_err().starts_with("--rates: 'PutImage' is not of the form"));
}

const GUIDE: &str = include_str!("../../../../docs/configuration.md");

/// The row of a setting in the guide.
fn row(setting: &Setting<Config>) -> String {
    let key = match setting.in_file() {
        (Some(table), key) => format!("{table}.{key}"),
        (None, key) => key.to_owned(),
    };
    let form = match setting.form {
        Form::List => " Takes a list.",
        Form::Numbers => " A table in the file.",
        Form::Text | Form::Number => "",
    };
    let is_code = |word: &str| {
        word == "*"
            || ["--", "/v2", "/token", "/metrics", "/healthz", "/readyz", "https://", "X-"].iter().any(|start| word.starts_with(start))
    };
    let quoted = |word: &str| {
        let bare = word.trim_end_matches([',', ';']);
        if is_code(bare) { format!("`{bare}`{}", &word[bare.len()..]) } else { word.to_owned() }
    };
    let help = setting.help.split(' ').map(quoted).collect::<Vec<_>>().join(" ");
    let default =
        setting.default.map(|text| format!(" Default: `{text}`.")).or_else(|| setting.unset.map(|words| format!(" Default: {words}.")));
    let default = default.unwrap_or_default();
    format!("| `--{}` | `{}` | `{key}` | {help}.{form}{default} |", setting.flag(), setting.variable())
}

#[test]
fn the_guide_lists_every_setting_and_nothing_else() {
    let is_row = |line: &&str| line.starts_with("| `--");
    let (before, after) =
        (GUIDE.lines().take_while(|line| !is_row(line)), GUIDE.lines().skip_while(|line| !is_row(line)).skip_while(is_row));
    let lines = before.map(str::to_owned).chain(SETTINGS.iter().map(row)).chain(after.map(str::to_owned));
    let generated = lines.map(|line| line + "\n").collect::<String>();
    if std::env::var_os("ROADSTEAD_WRITE_GUIDE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md"), &generated).unwrap();
    } else {
        let how = "ROADSTEAD_WRITE_GUIDE=1 cargo test -p roadstead --lib the_guide_lists";
        assert!(generated == GUIDE, "docs/configuration.md differs from the table of settings; to generate its rows: {how}");
    }
}

#[test]
fn the_page_about_security_names_settings_that_exist() {
    let page = include_str!("../../../../docs/security.md");
    let quoted = page.split('`').skip(1).step_by(2);
    let names: Vec<&str> =
        quoted.filter(|text| text.contains('_') && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(SETTINGS.iter().any(|setting| setting.key == name), "there is no setting '{name}'");
    }
}

#[test]
fn the_examples_of_the_guide_mean_what_they_say() {
    let example = GUIDE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example_file = file(example);
    let read = config(&["--config", example_file.path().to_str().unwrap()], &[("CI_SECRET", "secret-of-the-ci-user")]).unwrap();
    assert_eq!((read.limits.repositories, read.rates.len(), read.accounts.len()), (20_000, 2, 2));
    assert_eq!(read.accounts[1].users[0].policies[0].name, "team");
    let rates: String = GUIDE
        .lines()
        .skip_while(|line| !line.starts_with("    [rates]"))
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    let rates_file = file(&rates);
    assert_eq!(config(&["--config", rates_file.path().to_str().unwrap()], &[]).unwrap().rates.len(), 6);
}
