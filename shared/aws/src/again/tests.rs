use super::*;
use crate::scripted::Account;

fn unsent() -> Unsent {
    let message =
        Message { subject: "closed".to_owned(), body: "{\"default\":\"a\\nb\"}".to_owned() };
    Unsent { event: "e-1".to_owned(), message }
}

#[test]
fn what_is_handed_over_reads_as_what_it_was() {
    assert_eq!(Unsent::read(&unsent().payload()).unwrap().unwrap(), unsent());
}

#[test]
fn another_payload_is_not_ours() {
    for other in [
        json!({}),
        json!([]),
        json!(null),
        json!("portcullis"),
        json!({"source": "portcullis"}),
        json!({"source": "aws.ec2", "detail-type": "Alert not sent", "detail": {}}),
        json!({"source": "portcullis", "detail-type": "Something else", "detail": {}}),
    ] {
        assert!(Unsent::read(&other).is_none(), "{other}");
    }
}

#[test]
fn a_malformed_one_is_an_error_that_names_the_member() {
    for member in ["event", "subject", "message"] {
        for broken in [json!(null), json!(""), json!(7), json!({"text": "a"})] {
            let mut payload = unsent().payload();
            payload["detail"][member] = broken;
            let error = Unsent::read(&payload).unwrap().unwrap_err().to_string();
            assert_eq!(error, format!("malformed event: `detail.{member}` is not a text"));
        }
    }
    let mut payload = unsent().payload();
    payload["detail"] = json!("{}");
    assert!(Unsent::read(&payload).unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn it_goes_to_the_function_itself_and_nobody_waits_for_it() {
    let account = Account::new();
    hand_over(&account.lambda(), Some("ingress"), &unsent().payload()).await.unwrap();
    let state = account.now();
    let [invoked] = state.invoked.as_slice() else { panic!("{} calls", state.invoked.len()) };
    assert_eq!(invoked.function_name(), Some("ingress"));
    assert_eq!(invoked.invocation_type(), Some(&InvocationType::Event));
    let payload: Value = serde_json::from_slice(invoked.payload().unwrap().as_ref()).unwrap();
    assert_eq!(Unsent::read(&payload).unwrap().unwrap(), unsent());
}

#[tokio::test(start_paused = true)]
async fn without_a_name_it_is_an_error_and_no_call() {
    let account = Account::new();
    assert!(hand_over(&account.lambda(), None, &unsent().payload()).await.is_err());
    assert!(account.calls().is_empty());
}

/// The escapes of what is escaped already count too.
#[tokio::test(start_paused = true)]
async fn what_is_too_long_is_an_error_and_no_call() {
    let account = Account::new();
    let mut long = unsent();
    long.message.body = "\\".repeat(MOST / 2);
    let error = hand_over(&account.lambda(), Some("ingress"), &long.payload()).await.unwrap_err();
    assert!(error.to_string().contains("at most 245760 can be handed over"), "{error}");
    assert!(account.calls().is_empty());
    long.message.body.truncate(MOST / 2 - 200);
    hand_over(&account.lambda(), Some("ingress"), &long.payload()).await.unwrap();
}
