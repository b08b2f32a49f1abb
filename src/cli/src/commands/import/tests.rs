//! Every format: what it is read as, every mistake by its name, and that no input panics or takes long.

use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};
use proptest::prelude::*;
use twofactor_core::clock::UnixTime;
use twofactor_core::factor::otp::Algorithm;
use twofactor_core::factor::totp::{Judgement, Key, Moving, Step, Window};

use super::device::{Device, Mistake, Used};
use super::{google, migration, oath, otpauth, passlib};

/// `12345678901234567890`.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SEED_HEX: &str = "3132333435363738393031323334353637383930";

fn period(device: &Device) -> Option<u64> {
    device.parameters.period_seconds()
}

fn first(device: &Device) -> Option<u64> {
    match device.parameters.moving {
        Moving::Counter { first } => Some(first),
        Moving::Time { .. } => None,
    }
}

fn used(device: &Device) -> Option<u64> {
    match device.used {
        Used::UpTo(Step(step)) => Some(step),
        Used::Nothing | Used::UpToCode(_) => None,
    }
}

mod of_google {
    use super::*;

    fn read(options: &str) -> Result<Device, Mistake> {
        google::read(format!("{SEED}\n{options}").as_bytes())
    }

    #[test]
    fn all_that_the_file_of_an_app_can_say() {
        let device = read(concat!(
            "\" RATE_LIMIT 3 30 1700000000\n\" WINDOW_SIZE 17\n\" DISALLOW_REUSE 5 99 7\n\" STEP_SIZE 60\n",
            "\" TIME_SKEW -4\n\" RESETTING_TIME_SKEW 1-2 3+4\n\" LAST0 host 1700000000\n\" TOTP_AUTH\n",
            "12345678\n87654321\n"
        ));
        let device = device.unwrap();
        assert_eq!(device.secret.expose(), b"12345678901234567890");
        assert_eq!((period(&device), used(&device), device.window), (Some(60), Some(99), Some(17)));
        assert!(matches!(device.parameters.moving, Moving::Time { ahead: -4, .. }));
        let scratch_codes: Vec<_> = device.scratch_codes.iter().map(|code| code.as_str()).collect();
        assert_eq!((scratch_codes.as_slice(), device.remarks.as_slice()), (&["12345678", "87654321"][..], &[][..]));
    }

    #[test]
    fn what_the_module_itself_does_not_take_is_not_taken() {
        for (option, name) in [
            ("STEP_SIZE 61", "STEP_SIZE"),
            ("STEP_SIZE 3600", "STEP_SIZE"),
            ("WINDOW_SIZE 0", "WINDOW_SIZE"),
            ("WINDOW_SIZE 101", "WINDOW_SIZE"),
            ("TIME_SKEW 1501", "TIME_SKEW"),
            ("TIME_SKEW -1501", "TIME_SKEW"),
        ] {
            let mistake = read(&format!("\" TOTP_AUTH\n\" {option}\n")).err();
            assert_eq!(mistake, Some(Mistake::Value(name)), "{option}");
        }
        let widest = read("\" TOTP_AUTH\n\" STEP_SIZE 60\n\" WINDOW_SIZE 100\n\" TIME_SKEW -1500\n").unwrap();
        assert_eq!((period(&widest), widest.window), (Some(60), Some(100)));
        let codes = |lines: &str| {
            let device = read(&format!("\" TOTP_AUTH\n{lines}")).unwrap();
            device.scratch_codes.iter().map(|code| code.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            codes("12345678\n00000000\n22345678\n"),
            ["12345678"],
            "it looks no further than the first other line"
        );
        assert_eq!(codes("12345678\n12345678\n"), ["12345678"], "each works once");
    }

    #[test]
    fn a_token_begins_with_its_counter() {
        let device = read("\" HOTP_COUNTER 17\n").unwrap();
        assert_eq!((first(&device), device.window), (Some(17), None));
        let both = read("\" TOTP_AUTH\n\" HOTP_COUNTER 2\n").unwrap();
        assert_eq!(first(&both), Some(2), "as the module takes it");
    }

    #[test]
    fn a_secret_of_80_bits_is_taken_and_misread_letters_too() {
        let device = google::read(b"GEZDGNBVGY3TQOJQ\n\" TOTP_AUTH\n").unwrap();
        assert_eq!(device.secret.expose(), b"1234567890");
        assert!(Key::new(&device.secret, device.parameters).is_ok());
        let misread = google::read(b"0E1DGNBVGY3T80JQ\n\" TOTP_AUTH\n").unwrap();
        assert_eq!(misread.secret.expose(), google::read(b"OELDGNBVGY3TBOJQ\n\" TOTP_AUTH\n").unwrap().secret.expose());
    }

    #[test]
    fn what_is_not_known_is_told_and_harms_nothing() {
        let device = read("\" TOTP_AUTH\n\" FROBNICATE 3\n123\nhello\n").unwrap();
        assert_eq!(device.remarks, ["the option \"FROBNICATE\" is not known here", "2 lines of no known form"]);
    }

    #[test]
    fn every_mistake_has_a_name() {
        for (file, mistake) in [
            ("", Mistake::NoSecret),
            ("\n\" TOTP_AUTH\n", Mistake::NoSecret),
            ("\" TOTP_AUTH\n", Mistake::NoSecret),
            ("root:x:0:0\n", Mistake::Secret("base 32")),
            ("GEZDGNBVGY3TQOJQ\n", Mistake::NoKind),
            ("GEZDGNBVGY3TQOJQ\n\" HOTP_COUNTER\n", Mistake::Value("HOTP_COUNTER")),
            ("GEZDGNBVGY3TQOJQ\n\" HOTP_COUNTER -1\n", Mistake::Value("HOTP_COUNTER")),
            ("GEZDGNBVGY3TQOJQ\n\" STEP_SIZE 99999999999\n", Mistake::Value("STEP_SIZE")),
            ("GEZDGNBVGY3TQOJQ\n\" WINDOW_SIZE x\n", Mistake::Value("WINDOW_SIZE")),
            ("GEZDGNBVGY3TQOJQ\n\" TIME_SKEW 2000000000\n", Mistake::Value("TIME_SKEW")),
            ("GEZDGNBVGY3TQOJQ\n\" DISALLOW_REUSE 1 x\n", Mistake::Value("DISALLOW_REUSE")),
        ] {
            assert_eq!(google::read(file.as_bytes()).err(), Some(mistake), "{file:?}");
        }
        assert_eq!(google::read(b"\xff\n").err(), Some(Mistake::NotText));
        assert!(matches!(read("\" STEP_SIZE 0\n").err(), Some(Mistake::Parameter(_))));
    }
}

mod of_oath {
    use super::*;

    fn line(line: &str) -> Result<Device, Mistake> {
        oath::read(line.as_bytes()).unwrap().remove(0).device
    }

    #[test]
    fn every_type_of_device() {
        for (kind, seconds, digits) in [
            ("HOTP", None, 6),
            ("HOTP/E", None, 6),
            ("HOTP/E/8", None, 8),
            ("HOTP/T30", Some(30), 6),
            ("HOTP/T60/7", Some(60), 7),
        ] {
            let device = line(&format!("{kind}\talice  - {SEED_HEX}")).unwrap();
            assert_eq!((period(&device), device.parameters.digits.count()), (seconds, digits), "{kind}");
            assert_eq!(device.secret.expose(), b"12345678901234567890");
        }
    }

    #[test]
    fn a_file_of_many_users_with_comments() {
        let file = format!(
            "# them\n\nHOTP/T30 alice - {SEED_HEX}\nnonsense\nHOTP bob 1234 {SEED_HEX} 7 162583 2026-01-01T00:00:00L\n"
        );
        let lines = oath::read(file.as_bytes()).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (line.number, line.user.as_str(), line.device.is_ok())).collect();
        assert_eq!(shown, [(3, "alice", true), (4, "", false), (5, "bob", true)]);
        let bob = lines[2].device.as_ref().unwrap();
        assert_eq!(first(bob), Some(7));
        assert!(matches!(&bob.used, Used::UpToCode(code) if code.as_str() == "162583"));
        assert_eq!(bob.remarks, ["the PIN: the password of the account stands in its place"]);
    }

    #[test]
    fn every_mistake_has_a_name() {
        for (text, mistake) in [
            ("TOTP alice - 31", Mistake::Kind("TOTP".to_owned())),
            ("HOTP/X alice - 31", Mistake::Kind("HOTP/X".to_owned())),
            ("HOTP/T alice - 31", Mistake::Kind("HOTP/T".to_owned())),
            ("HOTP/E/6/6 alice - 31", Mistake::Kind("HOTP/E/6/6".to_owned())),
            ("HOTP/E/x alice - 31", Mistake::Kind("HOTP/E/x".to_owned())),
            ("HOTP alice", Mistake::Missing("the PIN, or - in its place,")),
            ("HOTP alice -", Mistake::NoSecret),
            ("HOTP alice - 3x", Mistake::Secret("hexadecimal")),
            ("HOTP alice - 313", Mistake::Secret("hexadecimal")),
            ("HOTP alice - 31 x", Mistake::Value("the counter")),
            ("HOTP alice - 31 1 12345x", Mistake::Value("the last code")),
        ] {
            assert_eq!(line(text).err(), Some(mistake), "{text}");
        }
        assert!(matches!(line("HOTP/E/9 alice - 31").err(), Some(Mistake::Parameter(_))));
        assert!(matches!(line("HOTP/T0 alice - 31").err(), Some(Mistake::Parameter(_))));
        assert_eq!(oath::read(b"# nobody\n").err(), Some(Mistake::Nothing));
    }
}

mod of_otpauth {
    use super::*;

    fn uri(uri: &str) -> Result<Device, Mistake> {
        otpauth::read(uri.as_bytes()).unwrap().remove(0).1
    }

    #[test]
    fn a_common_and_an_unusual_device() {
        let common = uri(&format!("otpauth://totp/Ex%20Org:alice?secret={SEED}&issuer=Ex%20Org&image=x")).unwrap();
        assert_eq!((common.name.as_str(), period(&common)), ("Ex Org:alice", Some(30)));
        let unusual = format!("otpauth://totp/x?secret={SEED}&algorithm=sha-512&digits=8&period=60#f");
        let unusual = uri(&unusual).unwrap();
        assert_eq!(unusual.parameters.algorithm, Algorithm::Sha512);
        assert_eq!((unusual.parameters.digits.count(), period(&unusual)), (8, Some(60)));
        assert_eq!(first(&uri(&format!("otpauth://hotp/x?counter=9&secret={SEED}")).unwrap()), Some(9));
    }

    #[test]
    fn what_is_exported_is_imported() {
        let secret = twofactor_core::secret::Secret::new(b"12345678901234567890".to_vec());
        let base32 = crate::otpauth::base32(&secret);
        let before = Device::new(secret, twofactor_core::factor::totp::Parameters::COMMON);
        let after = uri(&crate::otpauth::uri("A & B", "d\u{f6}/x", &base32, before.parameters)).unwrap();
        assert_eq!((after.name.as_str(), after.parameters), ("A & B:d\u{f6}/x", before.parameters));
        assert_eq!(after.secret.expose(), before.secret.expose());
    }

    #[test]
    fn every_mistake_has_a_name() {
        for (text, mistake) in [
            ("https://example.org", Mistake::NotOtpauth),
            ("otpauth://totp", Mistake::NotOtpauth),
            ("otpauth-migration://offline?data=AA", Mistake::IsMigration),
            ("otpauth://totp/x", Mistake::NoSecret),
            ("otpauth://totp/x?issuer=y", Mistake::NoSecret),
            ("otpauth://totp/x?secret=", Mistake::NoSecret),
            ("otpauth://totp/x?secret=111", Mistake::Secret("base 32")),
            ("otpauth://totp/%zz?secret=AA", Mistake::Value("the label")),
            ("otpauth://totp/x?secret=%f", Mistake::Value("a parameter of the URI")),
            ("otpauth://totp/x?secret=AA&digits=six", Mistake::Value("digits")),
            ("otpauth://totp/x?secret=AA&period=-1", Mistake::Value("period")),
            ("otpauth://totp/x?secret=AA&algorithm=ROT13", Mistake::Value("algorithm")),
            ("otpauth://totp/x?secret=AA&algorithm=md5", Mistake::Md5),
            ("otpauth://hotp/x?secret=AA&counter=x", Mistake::Value("counter")),
            ("otpauth://hotp/x?secret=AA", Mistake::Missing("the counter")),
            ("otpauth://steam/x?secret=AA", Mistake::Kind("steam".to_owned())),
        ] {
            assert_eq!(uri(text).err(), Some(mistake), "{text}");
        }
        assert_eq!(otpauth::read(b" \n").err(), Some(Mistake::Nothing));
    }
}

mod of_migration {
    use super::*;

    /// A field of bytes.
    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// A field of a small number.
    fn number(field: u8, value: u8) -> Vec<u8> {
        vec![field << 3, value]
    }

    fn account(name: &str, issuer: &str, [algorithm, digits, kind, counter]: [u8; 4]) -> Vec<u8> {
        let account = [
            bytes(1, b"12345678901234567890"),
            bytes(2, name.as_bytes()),
            bytes(3, issuer.as_bytes()),
            number(4, algorithm),
            number(5, digits),
            number(6, kind),
            number(7, counter),
        ];
        bytes(1, &account.concat())
    }

    fn uri(message: &[u8]) -> String {
        let data = BASE64.encode(message).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("otpauth-migration://offline?data={data}")
    }

    #[test]
    fn qr_codes_that_are_missing_of_an_export_are_counted() {
        let page = |name: &str, [count, page, export]: [u8; 3]| {
            let numbers = [number(3, count), number(4, page), number(5, export)].concat();
            uri(&[account(name, "", [1, 1, 2, 0]), numbers].concat())
        };
        let missing = |pages: &[String]| migration::read(pages.join("\n").as_bytes()).unwrap().1;
        let (first, last, other) = (page("a", [3, 0, 7]), page("b", [3, 2, 7]), page("c", [2, 0, 8]));
        assert_eq!(missing(std::slice::from_ref(&first)), 2);
        assert_eq!(missing(&[first.clone(), first.clone()]), 2, "the same one twice");
        assert_eq!(missing(&[first.clone(), last.clone()]), 1);
        assert_eq!(missing(&[first.clone(), last.clone(), page("d", [3, 1, 7])]), 0);
        assert_eq!(missing(&[first, last, other]), 2, "of two exports");
    }

    #[test]
    fn several_accounts_with_all_that_an_app_can_have() {
        let message = [
            account("alice", "Example", [1, 1, 2, 0]),
            account("Work:bob", "Work", [2, 2, 2, 0]),
            account("token", "", [1, 1, 1, 9]),
            account("old", "", [4, 1, 2, 0]),
            number(2, 1),
            number(3, 1),
        ];
        let (accounts, missing) = migration::read(uri(&message.concat()).as_bytes()).unwrap();
        assert_eq!(missing, 0);
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["Example:alice", "Work:bob", "token", "old"]);
        let device = |at: usize| accounts[at].device.as_ref().unwrap();
        assert_eq!(device(0).secret.expose(), b"12345678901234567890");
        assert_eq!((device(1).parameters.algorithm, device(1).parameters.digits.count()), (Algorithm::Sha256, 8));
        assert_eq!(first(device(2)), Some(9));
        assert_eq!(accounts[3].device.as_ref().err(), Some(&Mistake::Md5));
    }

    #[test]
    fn a_payload_that_is_known_from_elsewhere() {
        // As many who have taken the format apart show it: the secret "Hello!" and DE AD BE EF.
        let uri =
            "otpauth-migration://offline?data=CjEKCkhlbGxvId6tvu8SGEV4YW1wbGU6YWxpY2VAZ29vZ2xlLmNvbRoHRXhhbXBsZTAC";
        let (accounts, _) = migration::read(uri.as_bytes()).unwrap();
        assert_eq!(accounts[0].name, "Example:alice@google.com");
        let device = accounts[0].device.as_ref().unwrap();
        assert_eq!(BASE32_NOPAD.encode(device.secret.expose()), "JBSWY3DPEHPK3PXP");
    }

    #[test]
    fn every_mistake_has_a_name() {
        for (text, mistake) in [
            (String::new(), Mistake::Nothing),
            (uri(b""), Mistake::Nothing),
            ("otpauth://totp/x?secret=AA".to_owned(), Mistake::NotMigration),
            ("otpauth-migration://offline?x=y".to_owned(), Mistake::Missing("data=")),
            ("otpauth-migration://offline?data=%".to_owned(), Mistake::Damaged),
            ("otpauth-migration://offline?data=!!".to_owned(), Mistake::Damaged),
            (uri(b"\x0a\x7f"), Mistake::Damaged),
            (uri(&bytes(1, b"\x0a\x7f")), Mistake::Damaged),
            (uri(&bytes(1, &bytes(2, b"\xff"))), Mistake::Damaged),
        ] {
            assert_eq!(migration::read(text.as_bytes()).err(), Some(mistake), "{text}");
        }
        for (numbers, mistake) in [
            ([9, 1, 2, 0], Mistake::Value("the algorithm")),
            ([1, 9, 2, 0], Mistake::Value("the number of digits")),
            ([1, 1, 9, 0], Mistake::Value("the kind")),
        ] {
            let (accounts, _) = migration::read(uri(&account("x", "", numbers)).as_bytes()).unwrap();
            assert_eq!(accounts[0].device.as_ref().err(), Some(&mistake));
        }
        let (bare, _) = migration::read(uri(&bytes(1, &bytes(2, b"x"))).as_bytes()).unwrap();
        assert_eq!(bare[0].device.as_ref().err(), Some(&Mistake::NoSecret));
    }
}

mod of_passlib {
    use super::*;

    const SECRETS: &str = r#"{"1":"TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B"}"#;
    const SEALED: &str = r#"{"enckey":{"c":14,"k":"3AHMYIRQA4EQJQEZMGSJEVA4TPLIBXX4","s":"MRSWMZ3INFVGW3DNNZXQ","t":"1","v":1},"type":"totp","v":1}"#;

    fn secrets(text: &str) -> Option<passlib::Secrets> {
        Some(passlib::Secrets::read(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_sealed_key_opens_to_the_codes_of_its_app() {
        for text in [SECRETS, "# ours\n1: TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B\n"] {
            let (device, was_sealed) = passlib::read(SEALED.as_bytes(), secrets(text).as_ref()).unwrap();
            let expected: Vec<u8> = (0..0x14).collect();
            assert_eq!(HEXLOWER.encode(device.secret.expose()), HEXLOWER.encode(&expected));
            assert!(was_sealed);
            let key = Key::new(&device.secret, device.parameters).unwrap();
            assert_eq!(key.judge("524447", UnixTime(59), Window::ONE, None), Judgement::Fresh(Step(1)));
        }
    }

    #[test]
    fn a_wrong_secret_opens_it_to_rubbish_and_nothing_tells() {
        let (device, _) = passlib::read(SEALED.as_bytes(), secrets(r#"{"1":"wrong"}"#).as_ref()).unwrap();
        let key = Key::new(&device.secret, device.parameters).unwrap();
        assert_eq!(key.judge("524447", UnixTime(59), Window::ONE, None), Judgement::Wrong);
    }

    #[test]
    fn a_key_in_clear_with_everything_that_is_unusual() {
        let text = format!(
            r#"{{"type":"totp","v":1,"key":"{SEED}","alg":"sha256","digits":8,"period":60,"label":"alice","issuer":"Ex"}}"#
        );
        let (device, was_sealed) = passlib::read(text.as_bytes(), None).unwrap();
        assert_eq!((device.parameters.algorithm, device.parameters.digits.count()), (Algorithm::Sha256, 8));
        assert_eq!((device.name.as_str(), period(&device), was_sealed), ("Ex:alice", Some(60), false));
    }

    #[test]
    fn every_mistake_has_a_name() {
        let with = |from: &str, to: &str| SEALED.replace(from, to);
        for (text, mistake) in [
            (String::new(), Mistake::NotPasslib),
            ("[]".to_owned(), Mistake::NotPasslib),
            ("{}".to_owned(), Mistake::NotPasslib),
            (with("\"type\":\"totp\",", ""), Mistake::NotPasslib),
            (with("\"t\":\"1\",\"v\":1", "\"t\":\"1\",\"v\":2"), Mistake::NotPasslib),
            (r#"{"type":"totp","v":1}"#.to_owned(), Mistake::NoSecret),
            (with("\"c\":14,", ""), Mistake::Missing("the cost c")),
            (with("\"c\":14", "\"c\":21"), Mistake::Cost(21)),
            (with("\"c\":14", "\"c\":18446744073709551615"), Mistake::Cost(u64::MAX)),
            (with("\"c\":14", "\"c\":-1"), Mistake::Value("a number")),
            (with("\"s\":\"MRSWMZ3INFVGW3DNNZXQ\",", ""), Mistake::Missing("the salt s")),
            (with("\"t\":\"1\",", ""), Mistake::Missing("the tag t")),
            (with("\"t\":\"1\"", "\"t\":\"2\""), Mistake::NoSuchKey("2".to_owned())),
        ] {
            let read = passlib::read(text.as_bytes(), secrets(SECRETS).as_ref());
            assert_eq!(read.err(), Some(mistake), "{text}");
        }
        assert_eq!(passlib::read(SEALED.as_bytes(), None).map(|_| ()).err(), Some(Mistake::Sealed));
        for text in ["", "{}", "{\"1\":2}", "no colon\n"] {
            assert_eq!(passlib::Secrets::read(text.as_bytes()).map(|_| ()).err(), Some(Mistake::NotSecrets), "{text}");
        }
    }
}

/// Words that the formats are made of, so that what is made of them comes far.
const PIECES: &str = concat!(
    r#"(\n| |"|" TOTP_AUTH\n|" HOTP_COUNTER |" DISALLOW_REUSE |" TIME_SKEW |" STEP_SIZE |"#,
    r"HOTP|HOTP/T30/6 |alice |- |3132|[0-9]{1,25}|-1|GEZDGNBV|",
    r"otpauth://totp/|otpauth://hotp/|otpauth-migration://offline\?data=|\?|&|=|%|%41|secret=|digits=|counter=|",
    r#"\{|\}|"type":"totp",|"v":1|"enckey":|"key":|"k":"AA",|"s":"AA",|"t":"1",|"c":0,|.){0,40}"#
);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_input_makes_a_reader_panic(text in PIECES, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let uri = format!("otpauth-migration://offline?data={}", BASE64.encode(&bytes));
        let secrets = passlib::Secrets::read(b"1: x").unwrap();
        for input in [text.as_bytes(), &bytes, uri.as_bytes()] {
            let _ = google::read(input);
            let _ = oath::read(input);
            let _ = otpauth::read(input);
            let _ = migration::read(input);
            let _ = passlib::read(input, Some(&secrets));
            let _ = passlib::Secrets::read(input);
        }
    }
}

#[test]
fn no_input_of_full_length_takes_long() {
    let started = std::time::Instant::now();
    let long = |piece: &str| piece.repeat(64 * 1024 / piece.len());
    for piece in [
        "A",
        "\n",
        "\" TOTP_AUTH\n",
        "\" X\n",
        "\" DISALLOW_REUSE 1\n",
        "{\"a\":",
        "[",
        "otpauth://totp/x?a=b\n",
        "&a=b",
        "%41",
    ] {
        let text = long(piece);
        let uri = format!("otpauth-migration://offline?data={}", BASE64.encode(text.as_bytes()));
        for input in [&text, &format!("GEZDGNBVGY3TQOJQ\n{text}"), &format!("otpauth://totp/x?{text}"), &uri] {
            let _ = google::read(input.as_bytes());
            let _ = oath::read(input.as_bytes());
            let _ = otpauth::read(input.as_bytes());
            let _ = migration::read(input.as_bytes());
            let _ = passlib::read(input.as_bytes(), None);
        }
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
