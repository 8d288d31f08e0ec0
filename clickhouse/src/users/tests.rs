use super::{NotLetIn, Rights, Users};

const FILE: &str = "[users.sink]\nrights = \"write\"\npassword = \"one\"\n\n[users.grafana]\nrights = \"read\"\n\
    password_sha256 = \"9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\"\n";

#[test]
fn users_are_let_in_by_their_passwords() {
    let users = Users::parse(FILE).unwrap();
    let rights = |name, password: &str| users.authenticate(name, Some(password.as_bytes())).map(|user| user.rights);
    assert_eq!(rights("sink", "one"), Ok(Rights::Write));
    assert_eq!(rights("grafana", "test"), Ok(Rights::Read));
    assert_eq!(rights("sink", "test"), Err(NotLetIn::WrongPassword));
    assert_eq!(rights("nobody", "one"), Err(NotLetIn::WrongPassword));
    assert_eq!(rights("sink", ""), Err(NotLetIn::NoPassword));
    assert_eq!(users.authenticate("default", None), Err(NotLetIn::NoPassword));
    assert!(users.all_have_passwords() && !Users::of_this_machine().all_have_passwords());
    assert!(!format!("{users:?}").contains("one"), "no secret is shown");
}

#[test]
fn a_file_of_users_with_a_mistake_is_refused_without_its_secrets() {
    for (text, said) in [
        ("", "missing field `users`"),
        ("[users]", "names no user"),
        ("[users.a]\nrights = \"read\"", "users.a: needs password or password_sha256"),
        ("[users.a]\nrights = \"read\"\npassword = \"\"", "users.a: needs password"),
        ("[users.a]\nrights = \"read\"\npassword = \"secret\"\npassword_sha256 = \"secret\"", "users.a: needs password"),
        ("[users.a]\nrights = \"read\"\npassword_sha256 = \"secret\"", "64 hexadecimal digits"),
        ("[users.a]\nrights = \"root\"\npassword = \"secret\"", "unknown variant `root`"),
        ("[users.a]\nrights = \"read\"\npasswort = \"secret\"", "unknown field `passwort`"),
        ("[users.a]\nrights = \"read\"\npassword = secret", "missing"),
    ] {
        let problem = Users::parse(text).expect_err(text);
        assert!(problem.contains(said) || said == "missing", "{problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}
