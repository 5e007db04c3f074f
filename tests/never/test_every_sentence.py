"""What must never happen: each sentence, and the tests that hold it. Those of other suites are listed, not repeated.

| never | held by |
|---|---|
| a wrong tenant's answer | `never/test_tenants.py`, `http/test_tenants.py` |
| another user's personal answer | `never/test_tenants.py`, `never/test_partitions.py`, `policy/test_identity.py` |
| another model version's, system prompt's | `never/test_partitions.py`, `policy/test_identity.py` |
| another conversation's | `never/test_conversations.py`, `never/test_partitions.py`, `policy/test_shape.py` |
| a truncated or failed answer served as whole | `http/`, `stores/`, `faults/`; the rest: gateway |
| another number, unit, date, name, negation, direction | `never/test_meaning.py` for keys; beyond a cosine: guards |
| long prompts that differ beyond the embedder's window | `never/test_meaning.py`, `embedders/test_long_prompts.py` |
| two vector spaces in one index | `never/test_partitions.py`, `contract/test_index_shelf.py` |
| `C` and `C++`, `1.5` and `15`, `US` and `us` under one key | `policy/test_normalize.py`, `never/test_meaning.py` |
| a hit that prolongs its own life | `never/test_life.py`, `contract/test_entry_store.py` |
| a lookup that waits longer than its deadline | `never/test_deadlines.py`, `faults/test_degradation.py` |
| the answer to a loaded prompt, to the harmless one | `never/test_poisoning.py`; keys: `never/test_meaning.py` |
| an invalidated answer that comes back | `never/test_comebacks.py`, `never/test_stress.py`, `contract/` |

The table names files; `HELD_BY` names the tests, and is held to them below.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

HELD_BY: dict[str, dict[str, tuple[str, ...]]] = {
    "a wrong tenant's answer": {
        "never/test_tenants.py": (
            "test_names_crafted_to_collide_stay_apart",
            "test_an_invalidation_by_a_crafted_tag_reaches_no_other_namespace",
            "test_a_namespace_outside_the_alphabet_is_refused",
            "test_body_and_header_cannot_disagree_their_way_in",
            "test_ids_of_another_tenant_open_nothing",
            "test_a_tenant_called_none_reads_nobody_s_history",
            "test_tokens_forged_or_replayed_across_tenants_do_nothing",
        ),
        "http/test_tenants.py": (
            "test_every_route_asks_for_a_key",
            "test_a_key_stays_inside_its_namespaces",
            "test_an_admin_of_one_namespace_reaches_no_other",
        ),
        "contract/test_entry_store.py": ("test_the_whole_digest_decides",),
        "gateway/test_tenancy_of_routes.py": (
            "test_two_provider_keys_never_share",
            "test_two_provider_keys_never_share_embeddings_or_messages",
            "test_only_who_shows_the_key_may_read_the_entry",
            "test_nobody_can_name_a_namespace_of_a_provider_key",
            "test_a_caller_without_any_key_is_a_tenant_of_its_own",
            "test_two_provider_keys_do_not_share_within_a_namespace",
            "test_the_two_gateways_keep_paid_and_operated_answers_apart",
            "test_a_key_of_ours_never_reaches_upstream",
            "test_a_key_of_some_namespaces_does_not_reach_what_lies_in_the_operator_s_account",
            "test_a_provider_s_key_counts_wherever_it_comes",
        ),
        "gateway/test_coalescing.py": ("test_a_refusal_of_one_credential_is_nobody_elses",),
        "gateway/test_adversary.py": (
            "test_a_provider_that_repeats_the_operator_s_key_does_not_show_it",
            "test_no_key_is_told_logged_or_kept",
            "test_a_warm_list_names_no_namespace_that_callers_could_not",
        ),
    },
    "another user's personal answer": {
        "never/test_tenants.py": (
            "test_no_spelling_of_a_user_is_another_principal",
            "test_users_named_in_the_provider_s_own_fields_are_told_apart",
            "test_a_personal_entry_of_another_key_is_not_opened_by_its_id",
        ),
        "never/test_partitions.py": ("test_another_user_s_personal_answer_is_no_neighbour",),
        "http/test_tenants.py": ("test_personal_answers_belong_to_their_asker",),
        "http/test_access.py": ("test_a_user_cannot_be_named_like_another_key",),
        "policy/test_identity.py": (
            "test_a_personal_prompt_is_keyed_by_who_asks",
            "test_a_conversation_stays_personal_and_a_secret_stays_out",
        ),
        "policy/test_freshness.py": ("test_accuracy_on_prompts_the_rules_never_saw",),
        "gateway/test_tenancy_of_routes.py": (
            "test_personal_prompts_are_keyed_by_user_else_bypassed",
            "test_personal_prompts_are_keyed_by_the_credential",
        ),
        "gateway/test_adversary_answers.py": ("test_a_stream_that_names_one_caller_is_not_passed_to_another",),
        "gateway/test_clients_semantic.py": ("test_personal_answers_of_one_user_are_for_no_paraphrase_of_another",),
    },
    "an answer of another model version, system prompt or conversation": {
        "never/test_conversations.py": (
            "test_only_a_conversation_that_is_worded_otherwise_is_served",
            "test_the_results_of_tools_are_never_reworded",
            "test_who_asks_for_the_exact_context_gets_no_other",
            "test_an_answer_that_was_pinned_to_its_context_serves_no_other",
            "test_where_the_operator_says_exact_a_request_loosens_nothing",
            "test_where_the_operator_says_nothing_only_requests_that_ask_for_it_meet",
            "test_a_cosine_alone_judges_no_conversation",
            "test_changing_the_setting_hides_what_was_stored_before_but_from_its_own_conversation",
        ),
        "policy/test_shape.py": ("test_everything_else_is_in_the_group", "test_tool_results_and_pictures_stay_exact"),
        "policy/test_conversation.py": ("test_a_veto_in_any_turn_is_a_veto",),
        "never/test_partitions.py": (
            "test_whatever_can_change_the_answer_is_another_place",
            "test_what_has_no_text_to_compare_is_found_by_identity_alone",
        ),
        "policy/test_identity.py": (
            "test_all_that_can_change_the_answer_is_in_the_partition",
            "test_history_is_the_context_and_nothing_else",
            "test_no_two_conversations_share_a_digest",
        ),
        "policy/test_canonical.py": ("test_different_values_have_different_bytes",),
        "integration/test_replicas.py": ("test_partitions_keep_answers_apart",),
        "gateway/test_versions.py": (
            "test_a_version_is_named_once_it_changes",
            "test_an_answer_to_an_older_question_changes_nothing",
            "test_before_the_first_look_no_version_is_known",
        ),
        "gateway/test_embeddings.py": ("test_a_new_version_of_the_model_is_never_mixed_with_the_old",),
        "gateway/test_clients_policy.py": (
            "test_a_conversation_is_its_whole_self",
            "test_models_parameters_and_protocols_are_kept_apart",
            "test_a_new_version_of_a_model_leaves_older_answers_behind",
        ),
        "gateway/test_adversary.py": (
            "test_a_body_that_readers_read_differently_is_only_passed_on",
            "test_an_embeddings_body_that_readers_read_differently_is_only_passed_on",
            "test_no_field_stands_for_what_the_gateway_says_of_a_request",
            "test_features_that_are_asked_for_in_several_fields_all_count",
            "test_an_idempotency_key_brings_no_other_request_s_answer_into_the_cache",
            "test_another_spelling_of_the_path_leaves_no_trace",
        ),
    },
    "a truncated or failed answer served as whole": {
        "policy/test_cacheability.py": ("test_an_empty_answer_is_not_stored",),
        "gateway/test_faults.py": (
            "test_upstream_dies_in_the_middle_of_a_body",
            "test_upstream_dies_in_the_middle_of_a_stream",
            "test_upstream_hangs_in_the_middle_of_a_body",
            "test_upstream_hangs_in_the_middle_of_a_stream",
        ),
        "gateway/test_faults_answers.py": (
            "test_upstream_answers_200_with_garbage",
            "test_upstream_ends_a_stream_that_is_not_sound",
            "test_an_answer_that_is_not_worth_keeping",
        ),
        "gateway/test_adversary_answers.py": (
            "test_a_page_that_came_for_one_is_not_given_to_others_as_json",
            "test_a_planted_record_that_is_no_answer_is_not_served",
            "test_only_a_plain_200_is_kept",
            "test_nothing_is_no_embedding",
        ),
        "gateway/test_adversary.py": ("test_headers_that_belie_the_body_leave_no_refusal_for_others",),
        "http/test_decoding.py": ("test_what_could_not_be_given_back_is_not_taken",),
        "http/test_edge.py": ("test_a_caller_that_goes_away_leaves_nothing_behind",),
        "contract/test_entry_store.py": (
            "test_damaged_record_counts_as_absent",
            "test_many_puts_of_one_id_leave_one_whole_record",
        ),
        "stores/test_codec.py": ("test_damaged_record_counts_as_absent",),
        "faults/test_kills.py": ("test_nothing_acknowledged_is_lost",),
    },
    "a hit on another number, unit, date, name, negation or direction": {
        "never/test_meaning.py": (
            "test_what_differs_shares_no_digest",
            "test_the_keyed_tiers_never_serve_one_for_another",
        ),
        "policy/test_normalize.py": (
            "test_digits_are_never_lost",
            "test_no_two_prompts_labelled_different_share_a_form",
        ),
    },
    "two long prompts that differ beyond the embedder's window taken for one": {
        "never/test_meaning.py": (
            "test_long_prompts_that_differ_beyond_the_model_s_window_are_two",
            "test_long_prompts_that_differ_in_one_sentence_amid_them_are_two",
            "test_a_prompt_beyond_all_windows_is_found_by_identity_alone",
        ),
        "embedders/test_long_prompts.py": (
            "test_another_request_behind_the_same_long_text_is_another_prompt",
            "test_half_of_a_prompt_is_not_the_prompt",
        ),
        "policy/test_similarity.py": ("test_a_prompt_is_not_judged_by_its_first_part",),
    },
    "two vector spaces in one index": {
        "never/test_partitions.py": ("test_two_vector_spaces_never_meet_in_one_index",),
        "contract/test_index_shelf.py": ("test_what_does_not_fit_is_refused",),
        "policy/test_matching.py": ("test_neighbours_of_another_place_or_space_are_no_neighbours",),
        "embedders/test_cached.py": ("test_another_space_is_another_text",),
        "embedders/test_minilm.py": ("test_a_lossy_preparation_is_a_space_of_its_own",),
    },
    "C and C++, 1.5 and 15, -5 and 5, US and us under one normalised key": {
        "policy/test_normalize.py": ("test_these_never_are",),
        "never/test_meaning.py": (
            "test_what_differs_shares_no_digest",
            "test_a_prompt_with_a_secret_payload_does_not_share_the_clean_one_s_key",
        ),
    },
    "a hit that prolongs its own life unless sliding expiry was asked for": {
        "never/test_life.py": (
            "test_hits_of_every_tier_leave_the_expiry_where_it_was",
            "test_a_service_that_slides_does_not_prolong_what_was_stored_without",
            "test_no_answer_older_than_was_asked_for",
        ),
        "contract/test_entry_store.py": (
            "test_uses_count_and_only_sliding_entries_slide",
            "test_a_use_does_not_revive_what_has_expired",
        ),
    },
    "a lookup that waits on a dead dependency longer than its deadline": {
        "never/test_deadlines.py": (
            "test_two_hundred_lookups_of_a_hung_store_all_end_in_time",
            "test_a_store_that_hangs_between_two_tiers_is_waited_for_once",
            "test_the_whole_lookup_has_a_deadline_above_those_of_its_parts",
        ),
        "faults/test_degradation.py": (
            "test_a_slow_store_costs_one_deadline_and_then_nothing",
            "test_a_hung_embedder_leaves_the_exact_tier_alone",
        ),
        "embedders/test_batching.py": ("test_a_hung_model_holds_nobody_past_the_deadline",),
        "http/test_edge.py": ("test_a_dead_store_is_a_miss_with_a_reason_and_a_problem_elsewhere",),
    },
    "the answer to a loaded prompt, to the harmless one": {
        "never/test_poisoning.py": (
            "test_a_prompt_with_a_payload_never_answers_the_harmless_one",
            "test_a_suffix_searched_to_meet_the_vector_of_another_prompt_opens_nothing",
            "test_a_payload_that_nobody_sees_answers_no_clean_prompt",
        ),
        "never/test_meaning.py": ("test_a_prompt_with_a_secret_payload_does_not_share_the_clean_one_s_key",),
    },
    "an invalidated answer that comes back": {
        "never/test_comebacks.py": (
            "test_by_no_selector_on_a_replica_that_slept",
            "test_by_no_late_fill",
            "test_not_by_a_fill_from_before_a_restart",
            "test_not_by_a_fill_from_before_the_store_lost_everything",
            "test_not_by_a_late_embedding",
            "test_not_by_a_rebuild",
            "test_not_by_a_snapshot",
            "test_not_by_lost_epochs",
            "test_not_by_a_failover_that_lost_the_epoch",
            "test_not_by_a_failover_that_lost_a_fill_s_fence",
            "test_not_by_a_failover_that_lost_the_deletion",
            "test_not_by_a_hit_count_that_was_still_in_memory",
            "test_not_by_another_spelling_of_its_prompt",
        ),
        "never/test_stress.py": ("test_no_lookup_gets_what_was_invalidated_before_it_began",),
        "contract/test_invalidation.py": (
            "test_raised_epoch_is_above_all_that_was_stored",
            "test_lost_epochs_come_back_higher",
            "test_an_older_epoch_is_raised_to_what_is_remembered",
            "test_a_fence_stops_what_it_concerns",
            "test_lost_and_dropped_fences_count_as_raised",
        ),
        "admin/test_invalidation.py": ("test_fills_with_tokens_under_fire",),
        "integration/test_replicas.py": ("test_an_invalidation_that_races_a_fill_wins",),
        "gateway/test_adversary_answers.py": (
            "test_who_asks_after_an_invalidation_does_not_follow_what_was_asked_before",
            "test_who_asks_for_embeddings_after_an_invalidation_asks_anew",
            "test_a_refusal_is_forgotten_with_an_invalidation",
        ),
    },
}


@pytest.mark.parametrize("sentence", HELD_BY)
def test_the_tests_that_hold_it_are_there(sentence: str) -> None:
    for file, names in HELD_BY[sentence].items():
        missing = set(names) - _tests_of(TESTS / file)
        assert not missing, f"{file} has no {sorted(missing)}"


def test_every_test_of_this_folder_holds_a_sentence() -> None:
    listed = {(file, name) for files in HELD_BY.values() for file, names in files.items() for name in names}
    here = Path(__file__)
    for path in sorted(here.parent.glob("test_*.py")):
        if path != here:
            assert {(f"never/{path.name}", name) for name in _tests_of(path)} <= listed, path.name


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in functions if node.name.startswith("test_")}
