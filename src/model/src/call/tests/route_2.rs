//! Route 2: the customer is answered at once and the agent is rung back on a secured line.

use super::*;

#[test]
fn answered_at_once_and_secured_before_the_agent_s_first_packet() {
    route_2(
        "begin ack:- ring +400ms answer:8 +300ms flow view bye:a",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        ack:- => nothing
        ring => nothing
        +400ms => nothing
        answer:8 => settle agent 8:5000
        +300ms => nothing
        flow => changed
        view => Connected secured after 700 ms, payment none, 0 keys
        bye:a => end customer, over agent_hung_up
    "#]],
    );
}

#[test]
fn the_agent_is_offered_only_the_law_that_the_customer_has_by_then() {
    let mut run = Script::new(plan(RouteKind::OnDemand, ""), "0,8");
    expect![[r#"
        begin => SECURE, settle customer 0:4000, answer[0], dial[0] auto
        answer:8 => end agent, end customer, over no_common_codec
    "#]]
    .assert_eq(&run.run("begin answer:8"));
}

#[test]
fn a_phone_that_is_busy_with_the_transfer_is_rung_again() {
    route_2(
        "begin fail:486 view +999ms +1ms fail:486 +1s fail:480 +1s fail:486 view +1s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:486 => changed
        view => Ringing secured, payment none, 0 keys
        +999ms => nothing
        +1ms => dial[8] auto
        fail:486 => changed
        +1s => dial[8] auto
        fail:480 => changed
        +1s => dial[8] auto
        fail:486 => end customer, over agent_unreachable
        view => Ended(AgentUnreachable) secured, payment none, 0 keys
        +1s => nothing
    "#]],
    );
    route_2(
        "begin fail:486 +1s answer:8 +1s view",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:486 => changed
        +1s => dial[8] auto
        answer:8 => settle agent 8:5000
        +1s => nothing
        view => Connected secured, payment none, 0 keys
    "#]],
    );
}

#[test]
fn each_try_has_twenty_seconds() {
    route_2(
        "begin ring +19s +1s +1s +21s +21s +21s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        ring => nothing
        +19s => nothing
        +1s => end agent
        +1s => dial[8] auto
        +21s => end agent, dial[8] auto
        +21s => end agent, dial[8] auto
        +21s => end agent, end customer, over agent_unreachable
    "#]],
    );
}

#[test]
fn what_a_leg_that_we_gave_up_still_says_is_not_the_next_one_s_end() {
    route_2(
        "begin +20s bye:a fail:487 answer:8 +1s answer:8 view",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        +20s => end agent
        bye:a => nothing
        fail:487 => nothing
        answer:8 => end agent
        +1s => dial[8] auto
        answer:8 => settle agent 8:5000
        view => Connected secured, payment none, 0 keys
    "#]],
    );
}

#[test]
fn a_refusal_that_stays_ends_the_call_at_once() {
    route_2(
        "begin fail:603",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:603 => end customer, over agent_unreachable
    "#]],
    );
    route_2(
        "begin fail:404",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:404 => end customer, over agent_unreachable
    "#]],
    );
    route_2(
        "begin fail:401",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:401 => end customer, over agent_unreachable
    "#]],
    );
    route_2(
        "begin answer:9",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        answer:9 => end agent, end customer, over no_common_codec
    "#]],
    );
}

#[test]
fn the_customer_hangs_up_before_between_and_after() {
    route_2(
        "begin bye:c +60s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        bye:c => end agent, over customer_hung_up
        +60s => nothing
    "#]],
    );
    route_2(
        "begin fail:486 bye:c +60s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        fail:486 => changed
        bye:c => over customer_hung_up
        +60s => nothing
    "#]],
    );
    route_2(
        "begin answer:8 bye:c +60s",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        answer:8 => settle agent 8:5000
        bye:c => end agent, over customer_hung_up
        +60s => nothing
    "#]],
    );
}

#[test]
fn the_line_cannot_be_opened_before_the_agent_is_there() {
    route_2(
        "begin unsecure secure collect:INV1:1250 fail:486 unsecure +1s answer:8 unsecure view",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        unsecure => no: NotConnected
        secure => no: NotConnected
        collect:INV1:1250 => no: NotConnected
        fail:486 => changed
        unsecure => no: NotConnected
        +1s => dial[8] auto
        answer:8 => settle agent 8:5000
        unsecure => OPEN
        view => Connected open, payment none, 0 keys
    "#]],
    );
}

#[test]
fn the_customer_may_hold_before_the_agent_is_there() {
    route_2(
        "begin offer:c:8,0/sendonly offer:c:- answer:8 offer:c:8,0",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        offer:c:8,0/sendonly => settle customer 8:4000, accept customer[8/recvonly]
        offer:c:- => accept customer[8]
        answer:8 => settle agent 8:5000
        offer:c:8,0 => reinvite agent[8]
    "#]],
    );
}

#[test]
fn a_phone_has_no_say_before_it_has_answered() {
    route_2(
        "begin offer:a:8 fail:486 offer:a:8 +1s answer:8 offer:a:8",
        expect![[r#"
        begin => SECURE, settle customer 8:4000, answer[8], dial[8] auto
        offer:a:8 => refuse agent 491
        fail:486 => changed
        offer:a:8 => refuse agent 481
        +1s => dial[8] auto
        answer:8 => settle agent 8:5000
        offer:a:8 => reinvite customer[8]
    "#]],
    );
}

#[test]
fn a_late_offer() {
    let late = |script: &str| Script::new(plan(RouteKind::OnDemand, ""), "-").run(script);
    expect![[r#"
        begin => SECURE, answer[8,0], dial[8,0] auto
        ack:0 => settle customer 0:4000
        answer:0 => settle agent 0:5000
        view => Connected secured, payment none, 0 keys
    "#]]
    .assert_eq(&late("begin ack:0 answer:0 view"));
    expect![[r#"
        begin => SECURE, answer[8,0], dial[8,0] auto
        answer:8,0 => settle agent 8:5000
        ack:0,8 => settle customer 8:4000
        view => Connected secured, payment none, 0 keys
    "#]]
    .assert_eq(&late("begin answer:8,0 ack:0,8 view"));
    expect![[r#"
        begin => SECURE, answer[8,0], dial[8,0] auto
        ack:0 => settle customer 0:4000
        answer:8 => end agent, end customer, over no_common_codec
    "#]]
    .assert_eq(&late("begin ack:0 answer:8"));
    expect![[r#"
        begin => SECURE, answer[8,0], dial[8,0] auto
        ack:- => end customer, end agent, over no_common_codec
    "#]]
    .assert_eq(&late("begin ack:-"));
    expect![[r#"
        begin => SECURE, answer[8,0], dial[8,0] auto
        answer:8 => settle agent 8:5000
        offer:c:8 => refuse customer 491
        offer:a:8 => refuse agent 491
        offer:c:- => refuse customer 491
        ack:8 => settle customer 8:4000
        offer:a:8 => reinvite customer[8]
    "#]]
    .assert_eq(&late("begin answer:8 offer:c:8 offer:a:8 offer:c:- ack:8 offer:a:8"));
}
