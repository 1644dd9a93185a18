//! A credentials file, and on its first line the name of the profile that is updated in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::Credentials;
use rolesanywhere::output::credentials_file::edit::edit;
use rolesanywhere::output::credentials_file::profile_name::ProfileName;
use rolesanywhere::secret::Secret;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (name, rest) = input.split_at(end.unwrap_or(input.len()));
    let Ok(name) = str::from_utf8(name) else {
        return;
    };
    let profile: ProfileName = match name.parse() {
        Ok(profile) => profile,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    let file = rest.get(1..).unwrap_or_default();
    let credentials = Credentials {
        access_key_id: "ASIA".to_owned(),
        secret_access_key: Secret::new("secret".to_owned()),
        session_token: Secret::new("token".to_owned()),
        expiration: String::new(),
        date: None,
        assumed_role_arn: None,
    };
    let once = edit(file, &profile, &credentials).expect("these credentials can stand in a file");
    for obstacle in &once.obstacles {
        let _ = obstacle.to_string();
    }
    // The written settings are found again, with the right values.
    let twice = edit(once.bytes.expose(), &profile, &credentials).expect("as above");
    assert_eq!(once.bytes.expose(), twice.bytes.expose());
    assert_eq!(once.obstacles, twice.obstacles);
});
