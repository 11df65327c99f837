//! Changes of one leg are relayed to the other, whose answer decides.

use super::*;

#[test]
fn hold_and_resume_from_either_side() {
    connected(
        "offer:c:8/sendonly reanswer:a:8/recvonly offer:c:8 reanswer:a:8
         offer:a:8/sendonly reanswer:c:8/recvonly offer:a:8/sendrecv reanswer:c:8/sendrecv",
        expect![[r#"
            offer:c:8/sendonly => reinvite agent[8/sendonly]
            reanswer:a:8/recvonly => settle agent 8:5000, settle customer 8:4000, accept customer[8/recvonly]
            offer:c:8 => reinvite agent[8]
            reanswer:a:8 => settle agent 8:5000, settle customer 8:4000, accept customer[8]
            offer:a:8/sendonly => reinvite customer[8/sendonly]
            reanswer:c:8/recvonly => settle customer 8:4000, settle agent 8:5000, accept agent[8/recvonly]
            offer:a:8/sendrecv => reinvite customer[8]
            reanswer:c:8/sendrecv => settle customer 8:4000, settle agent 8:5000, accept agent[8]
        "#]],
    );
    connected(
        "offer:a:8/inactive reanswer:c:8/inactive",
        expect![[r#"
        offer:a:8/inactive => reinvite customer[8/inactive]
        reanswer:c:8/inactive => settle customer 8:4000, settle agent 8:5000, accept agent[8/inactive]
    "#]],
    );
}

#[test]
fn media_may_move() {
    connected(
        "offer:c:8@4400 reanswer:a:8@5500",
        expect![[r#"
        offer:c:8@4400 => reinvite agent[8]
        reanswer:a:8@5500 => settle agent 8:5500, settle customer 8:4400, accept customer[8]
    "#]],
    );
}

#[test]
fn while_one_is_in_flight_another_has_to_wait() {
    connected(
        "offer:c:8/sendonly offer:a:8 offer:c:8 offer:a:- reanswer:a:8/recvonly offer:a:8",
        expect![[r#"
        offer:c:8/sendonly => reinvite agent[8/sendonly]
        offer:a:8 => refuse agent 491
        offer:c:8 => refuse customer 491
        offer:a:- => refuse agent 491
        reanswer:a:8/recvonly => settle agent 8:5000, settle customer 8:4000, accept customer[8/recvonly]
        offer:a:8 => reinvite customer[8]
    "#]],
    );
}

#[test]
fn a_refusal_goes_back_and_the_session_stays() {
    connected(
        "offer:c:8/sendonly@4400 reanswer:a:!488 offer:a:8@5500 reanswer:c:!491 offer:a:8 reanswer:c:8",
        expect![[r#"
            offer:c:8/sendonly@4400 => reinvite agent[8/sendonly]
            reanswer:a:!488 => refuse customer 488
            offer:a:8@5500 => reinvite customer[8]
            reanswer:c:!491 => refuse agent 491
            offer:a:8 => reinvite customer[8]
            reanswer:c:8 => settle customer 8:4000, settle agent 8:5000, accept agent[8]
        "#]],
    );
    connected(
        "offer:c:8 reanswer:a:!407",
        expect![[r#"
        offer:c:8 => reinvite agent[8]
        reanswer:a:!407 => refuse customer 503
    "#]],
    );
    connected(
        "offer:c:8 reanswer:a:!200",
        expect![[r#"
        offer:c:8 => reinvite agent[8]
        reanswer:a:!200 => refuse customer 503
    "#]],
    );
    connected(
        "offer:c:8 reanswer:a:junk",
        expect![[r#"
        offer:c:8 => reinvite agent[8]
        reanswer:a:junk => refuse customer 488
    "#]],
    );
    connected(
        "offer:c:8 reanswer:a:-",
        expect![[r#"
        offer:c:8 => reinvite agent[8]
        reanswer:a:- => refuse customer 488
    "#]],
    );
}

#[test]
fn an_answer_with_another_law_would_leave_the_legs_without_a_common_one() {
    connected(
        "offer:c:8,0 reanswer:a:0 offer:c:8 reanswer:a:8",
        expect![[r#"
        offer:c:8,0 => reinvite agent[8]
        reanswer:a:0 => refuse customer 488
        offer:c:8 => reinvite agent[8]
        reanswer:a:8 => settle agent 8:5000, settle customer 8:4000, accept customer[8]
    "#]],
    );
}

#[test]
fn an_answer_to_nothing_and_one_from_the_asker_are_ignored() {
    connected(
        "reanswer:a:8 offer:c:8 reanswer:c:8 reanswer:a:8 reanswer:a:8",
        expect![[r#"
        reanswer:a:8 => nothing
        offer:c:8 => reinvite agent[8]
        reanswer:c:8 => nothing
        reanswer:a:8 => settle agent 8:5000, settle customer 8:4000, accept customer[8]
        reanswer:a:8 => nothing
    "#]],
    );
}

#[test]
fn an_offer_without_sdp_asks_for_ours() {
    connected(
        "offer:c:- offer:a:-",
        expect![[r#"
        offer:c:- => accept customer[8]
        offer:a:- => accept agent[8]
    "#]],
    );
}

#[test]
fn offers_that_cannot_be_used() {
    connected(
        "offer:c:0 offer:c:9 offer:c:junk offer:a:0 offer:a:junk offer:c:8",
        expect![[r#"
        offer:c:0 => refuse customer 488
        offer:c:9 => refuse customer 488
        offer:c:junk => refuse customer 400
        offer:a:0 => refuse agent 488
        offer:a:junk => refuse agent 400
        offer:c:8 => reinvite agent[8]
    "#]],
    );
}

#[test]
fn an_update_before_the_answer_is_refused() {
    route_1(
        "begin offer:c:8 offer:c:- offer:a:8 offer:a:- answer:8",
        expect![[r#"
        begin => dial[8,0]
        offer:c:8 => refuse customer 500
        offer:c:- => refuse customer 500
        offer:a:8 => refuse agent 491
        offer:a:- => refuse agent 491
        answer:8 => settle agent 8:5000, settle customer 8:4000, answer[8]
    "#]],
    );
}

#[test]
fn nothing_is_asked_of_a_leg_whose_ack_is_still_out() {
    let mut run = Script::new(plan(RouteKind::InPath, ""), "-");
    expect![[r#"
        begin => dial[8,0]
        answer:8 => settle agent 8:5000, answer[8]
        offer:c:8 => refuse customer 491
        offer:c:- => refuse customer 491
        offer:a:8 => refuse agent 491
        offer:a:- => refuse agent 491
        ack:8 => settle customer 8:4000
        offer:a:8 => reinvite customer[8]
    "#]]
    .assert_eq(&run.run("begin answer:8 offer:c:8 offer:c:- offer:a:8 offer:a:- ack:8 offer:a:8"));
}

#[test]
fn the_end_answers_what_is_in_flight() {
    connected(
        "offer:c:8/sendonly bye:a reanswer:a:8",
        expect![[r#"
        offer:c:8/sendonly => reinvite agent[8/sendonly]
        bye:a => refuse customer 481, end customer, over agent_hung_up
        reanswer:a:8 => nothing
    "#]],
    );
    connected(
        "offer:a:8/sendonly bye:a",
        expect![[r#"
        offer:a:8/sendonly => reinvite customer[8/sendonly]
        bye:a => refuse agent 481, end customer, over agent_hung_up
    "#]],
    );
    connected(
        "offer:a:8/sendonly shutdown offer:a:8 offer:c:-",
        expect![[r#"
        offer:a:8/sendonly => reinvite customer[8/sendonly]
        shutdown => refuse agent 481, end customer, end agent, over shutdown
        offer:a:8 => refuse agent 481
        offer:c:- => refuse customer 481
    "#]],
    );
}

#[test]
fn another_codec_in_the_middle_of_a_field_is_refused_and_the_line_stays_secured() {
    connected(
        "collect:INV1:1250 k:4111 offer:c:9 offer:c:0 offer:a:9 view field k:111111111111* field",
        expect![[r#"
            collect:INV1:1250 => SECURE, field
            keys => changed
            offer:c:9 => refuse customer 488
            offer:c:0 => refuse customer 488
            offer:a:9 => refuse agent 488
            view => Connected secured, payment none, 4 keys
            field => Pan 4
            keys => changed
            field => Expiry 0
        "#]],
    );
}
