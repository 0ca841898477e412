//! Structs in a form, and lists of them.

use costrel_form::Password;
use rstest::rstest;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::support::{errors, fits};

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Customer {
    #[validate(nested)]
    address: Address,
    #[validate(nested)]
    other: Option<Address>,
    #[serde(default)]
    #[validate(nested)]
    phones: Vec<Phone>,
    #[serde(default)]
    notes: Vec<String>,
    corner: (i8, i8),
}

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Address {
    #[validate(length(min = 3))]
    street: String,
    number: u16,
}

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Phone {
    #[validate(length(min = 3))]
    number: String,
    #[serde(default)]
    mobile: bool,
    pin: Option<Password>,
}

#[rstest]
fn names_are_put_together_as_in_wtforms(#[values(true, false)] is_sync: bool) {
    let fields = [
        ("address-street", "Long Street"),
        ("address-number", "7"),
        ("phones-2-number", "222"),
        ("phones-2-mobile", "y"),
        ("phones-10-number", "1010"),
        ("phones-01-number", "no index"),
        ("notes-0", "a"),
        ("notes-1", ""),
        ("corner", "-1"),
        ("corner", "2"),
    ];
    let data = r#"{"address":{"street":"Long Street","number":7},"other":null,"phones":[{"number":"222","mobile":true,"pin":null},{"number":"1010","mobile":false,"pin":null}],"notes":["a",""],"corner":[-1,2]}"#;
    assert_eq!(fits::<Customer>(is_sync, &fields), data);
}

#[rstest]
fn what_is_wrong_is_at_its_own_input(#[values(true, false)] is_sync: bool) {
    let fields = [
        ("address-street", "x"),
        ("other-number", "y"),
        ("phones-2-number", "222"),
        ("phones-7-number", "7"),
        ("phones-8-mobile", "y"),
        ("corner", "1"),
        ("corner", "z"),
    ];
    let long = "Field must be at least 3 characters long.";
    let found = format!(
        "address-number: This field is required.\naddress-street: {long}\ncorner: Not a valid integer value.\nother-number: Not a valid \
         integer value.\nother-street: This field is required.\nphones-7-number: {long}\nphones-8-number: This field is required."
    );
    assert_eq!(errors::<Customer>(is_sync, &fields), found);
}

/// A type that goes round in circles ends, however long the names are that a client sends.
#[rstest]
fn names_of_any_depth(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    struct Node {
        id: u8,
        child: Option<Box<Node>>,
        #[serde(default)]
        list: Vec<Node>,
    }

    #[derive(Deserialize, Serialize, Validate)]
    struct Forest {
        trees: Tree,
    }

    #[derive(Deserialize, Serialize)]
    struct Tree(Vec<Tree>);

    #[derive(Deserialize, Serialize, Validate)]
    struct Rows {
        rows: Vec<Vec<u8>>,
    }

    let name = |times: usize| format!("{}id", "child-".repeat(times));
    let rows = [("rows-0", "1"), ("rows-0", "2"), ("rows-1", "3")];
    assert_eq!(fits::<Rows>(is_sync, &rows), r#"{"rows":[[1,2],[3]]}"#);
    assert_eq!(errors::<Forest>(is_sync, &[(&format!("trees{}", "-0".repeat(5_000)), "x")]), "trees: Invalid input.");
    assert_eq!(errors::<Forest>(is_sync, &[("trees", "x")]), "trees: Invalid input.");
    assert!(fits::<Node>(is_sync, &[("id", "1"), ("child-id", "2")]).contains(r#""child":{"id":2"#));
    assert!(errors::<Node>(is_sync, &[(&name(5_000), "1")]).contains("id: This field is required."));
    assert!(errors::<Node>(is_sync, &[(&format!("{}id", "list-0-".repeat(5_000)), "1")]).contains("Invalid input."));
}

/// A struct that refuses its fields together says why at its own name.
#[rstest]
fn a_struct_that_refuses_its_fields(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    struct Booking {
        stay: Stay,
        name: String,
    }

    #[derive(Clone, Deserialize, Serialize)]
    #[serde(try_from = "Days", into = "Days")]
    struct Stay(Days);

    #[derive(Clone, Deserialize, Serialize)]
    struct Days {
        from: u8,
        to: u8,
    }

    impl TryFrom<Days> for Stay {
        type Error = &'static str;

        fn try_from(days: Days) -> Result<Self, &'static str> {
            if days.from <= days.to { Ok(Self(days)) } else { Err("The stay ends before it begins.") }
        }
    }

    impl From<Stay> for Days {
        fn from(stay: Stay) -> Self {
            stay.0
        }
    }

    let found = "name: This field is required.\nstay: The stay ends before it begins.";
    assert_eq!(errors::<Booking>(is_sync, &[("stay-from", "2"), ("stay-to", "1")]), found);
    let data = r#"{"stay":{"from":1,"to":2},"name":"x"}"#;
    assert_eq!(fits::<Booking>(is_sync, &[("stay-from", "1"), ("stay-to", "2"), ("name", "x")]), data);
}
