#include "daemon/answers.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/suggest.h"
#include "protocol/codec.h"

namespace emstore::daemon {

void write_number(std::uint64_t number, Sink& sink) {
  sink.integer(static_cast<std::int64_t>(number));
}

namespace {

// What a client may rely on beyond the methods that `describe` lists.
constexpr std::array<std::string_view, 6> kCapabilities{
    "pipelining", "pushes", "request_keys", "upload_resume", "descriptors", "blob_have"};

void write_id(const RecordId& id, Sink& sink) {
  if (id.is_uuid()) {
    sink.text(to_string(id));
  } else {
    sink.integer(static_cast<std::int64_t>(id.integer()));
  }
}

void write_named(std::string_view name, std::uint64_t number, Sink& sink) {
  sink.text(name);
  write_number(number, sink);
}

void write_named(std::string_view name, std::string_view text, Sink& sink) {
  sink.text(name);
  sink.text(text);
}

void write_ids(std::string_view name, std::span<const RecordId> ids, Sink& sink) {
  sink.text(name);
  sink.begin_list(ids.size());
  for (const RecordId& id : ids) write_id(id, sink);
}

void write_field(const store::FieldOutcome& field, Sink& sink) {
  sink.text(field.field);
  sink.begin_map(5);
  write_ids("added", field.added, sink);
  write_ids("removed", field.removed, sink);
  write_ids("moved", field.moved, sink);
  write_ids("already", field.already, sink);
  write_ids("missing", field.missing, sink);
}

std::string_view action_of(store::Effect::Kind kind) {
  switch (kind) {
    case store::Effect::Kind::created:
      return "created";
    case store::Effect::Kind::updated:
      return "updated";
    case store::Effect::Kind::deleted:
      break;
  }
  return "deleted";
}

void write_effect(const store::Effect& effect, Sink& sink) {
  sink.begin_map(4);
  write_named("action", action_of(effect.kind), sink);
  write_named("entity", effect.entity, sink);
  sink.text("id");
  write_id(effect.id, sink);
  sink.text("fields");
  sink.begin_list(effect.fields.size());
  for (const std::string& field : effect.fields) sink.text(field);
}

void write_id_and_version(const store::RecordOutcome& record, Sink& sink) {
  sink.text("id");
  write_id(record.id, sink);
  write_named("version", record.version, sink);
}

void write_changes(const store::RecordOutcome& record, Sink& sink) {
  sink.text("data");
  sink.value(record.data);
  sink.text("changes");
  sink.begin_map(record.changes.size());
  for (const store::FieldOutcome& field : record.changes) write_field(field, sink);
}

void write_record(const store::RecordOutcome& record, Sink& sink) {
  sink.begin_map(4);
  write_id_and_version(record, sink);
  write_changes(record, sink);
}

// data, and hasMore where a limit may have left some out: one or two members.
void write_records(const store::MutationOutcome& mutation, AnswerForm form, Sink& sink) {
  sink.text("data");
  sink.begin_list(mutation.records.size());
  for (const store::RecordOutcome& record : mutation.records) write_record(record, sink);
  if (form != AnswerForm::found) return;
  sink.text("hasMore");
  sink.boolean(mutation.has_more);
}

void write_operation(const store::MutationOutcome& mutation, AnswerForm form, Sink& sink) {
  switch (form) {
    case AnswerForm::record:
      return write_record(mutation.records.front(), sink);
    case AnswerForm::records:
    case AnswerForm::found:
      sink.begin_map(form == AnswerForm::found ? 2 : 1);
      return write_records(mutation, form, sink);
    case AnswerForm::nothing:
      return sink.null();
  }
}

void write_method(const protocol::MethodInfo& method, Sink& sink) {
  sink.begin_map(5);
  write_named("name", method.name, sink);
  write_named("params", method.params, sink);
  write_named("options", method.options, sink);
  write_named("result", method.result, sink);
  write_named("summary", method.summary, sink);
}

}  // namespace

std::string server_text() { return "emstored " EMSTORE_VERSION; }

void write_mutation(const store::CommitOutcome& outcome, AnswerForm form, Sink& sink) {
  const store::MutationOutcome& mutation = outcome.mutations.front();
  const bool is_one = form == AnswerForm::record;
  const std::size_t members = is_one ? 6 : form == AnswerForm::found ? 4 : 3;
  sink.begin_map(members + (outcome.plan ? 1 : 0));
  if (is_one) {
    write_id_and_version(mutation.records.front(), sink);
    write_named("sequence", outcome.sequence, sink);
    write_changes(mutation.records.front(), sink);
  } else {
    write_named("sequence", outcome.sequence, sink);
    write_records(mutation, form, sink);
  }
  sink.text("replayed");
  sink.boolean(outcome.replayed);
  if (!outcome.plan) return;
  sink.text("plan");
  sink.begin_list(outcome.plan->size());
  for (const store::Effect& effect : *outcome.plan) write_effect(effect, sink);
}

void write_transaction(const store::CommitOutcome& outcome, std::span<const AnswerForm> forms,
                       Sink& sink) {
  sink.begin_map(3);
  write_named("sequence", outcome.sequence, sink);
  sink.text("results");
  sink.begin_list(forms.size());
  for (std::size_t i = 0; i < forms.size(); ++i) {
    write_operation(outcome.mutations[i], forms[i], sink);
  }
  sink.text("replayed");
  sink.boolean(outcome.replayed);
}

void write_schema_change(const store::SchemaOutcome& outcome, Sink& sink) {
  sink.begin_map(5);
  write_named("sequence", outcome.sequence, sink);
  write_named("version", outcome.version, sink);
  sink.text("changed");
  sink.boolean(outcome.changed);
  sink.text("difference");
  sink.begin_list(outcome.difference.size());
  for (const std::string& line : outcome.difference) sink.text(line);
  sink.text("replayed");
  sink.boolean(outcome.replayed);
}

std::string_view name_of(store::IndexState::Kind kind) {
  switch (kind) {
    case store::IndexState::Kind::ready:
      return "ready";
    case store::IndexState::Kind::filling:
      return "filling";
    case store::IndexState::Kind::not_unique:
      return "not_unique";
    case store::IndexState::Kind::dropping:
      return "dropping";
    case store::IndexState::Kind::too_large:
      return "too_large";
  }
  return "ready";
}

bool tells_why(const store::IndexState& state) {
  return state.kind == store::IndexState::Kind::not_unique ||
         state.kind == store::IndexState::Kind::too_large;
}

void write_schema(const store::View& view, Sink& sink) {
  sink.begin_map(3);
  write_named("version", view.schema->version, sink);
  sink.text("schema");
  sink.value(store::to_value(*view.schema));
  sink.text("indexes");
  sink.begin_list(view.schema->indexes.size());
  for (const store::Index& index : view.schema->indexes) {
    const auto state = view.indexes->find(index.id);
    const store::IndexState shown =
        state == view.indexes->end() ? store::IndexState() : state->second;
    const bool has_detail = tells_why(shown);
    sink.begin_map(has_detail ? 3 : 2);
    write_named("name", index.name, sink);
    write_named("state", name_of(shown.kind), sink);
    if (has_detail) write_named("detail", shown.detail, sink);
  }
}

void write_upload(const store::UploadRow& upload, Sink& sink) {
  sink.begin_map(6);
  write_named("blob", to_string(upload.content.address), sink);
  write_named("size", upload.content.size, sink);
  write_named("sha256", to_hex(as_bytes(upload.content.sha256)), sink);
  write_named("mime_type", upload.content.mime_type, sink);
  sink.text("existed");
  sink.boolean(upload.existed);
  sink.text("expires");
  sink.time(upload.expires);
}

Value to_value(const store::UploadRow& upload) {
  ValueSink sink;
  write_upload(upload, sink);
  return sink.take();
}

Status check_wanted(const List& capabilities) {
  for (std::size_t i = 0; i < capabilities.size(); ++i) {
    const std::string path = "want[" + std::to_string(i) + "]";
    const std::string* name = capabilities[i].if_text();
    if (name == nullptr) {
      return failure(
          ErrorCode::wrong_type,
          "a capability is named by a text, not by " + std::string(name_of(capabilities[i].kind())),
          path);
    }
    if (std::ranges::find(kCapabilities, *name) != kCapabilities.end()) continue;
    return failure(ErrorCode::unsupported, "there is no capability " + quoted(*name) + " here",
                   path, did_you_mean(*name, kCapabilities));
  }
  return {};
}

void write_hello(const store::StoreId& store, const store::View& view, const SessionLimits& limits,
                 const Peer& peer, Sink& sink) {
  sink.begin_map(8);
  write_named("server", server_text(), sink);
  write_named("protocol", static_cast<std::uint64_t>(protocol::kProtocolVersion), sink);
  write_named("store_id", to_hex(as_bytes(store)), sink);
  write_named("sequence", view.sequence, sink);
  write_named("schema_version", view.schema->version, sink);
  sink.text("capabilities");
  sink.begin_list(kCapabilities.size());
  for (const std::string_view capability : kCapabilities) sink.text(capability);
  sink.text("limits");
  sink.begin_map(6);
  write_named("request", limits.wire.request_bytes_max, sink);
  write_named("reply", limits.wire.reply_bytes_max, sink);
  write_named("chunk", limits.wire.chunk_bytes_max, sink);
  write_named("depth", limits.wire.depth_max, sink);
  write_named("in_flight", limits.in_flight_max, sink);
  write_named("inline_file", kSmallBlobBytesMax, sink);
  sink.text("peer");
  sink.begin_map(3);
  write_named("uid", peer.uid, sink);
  write_named("gid", peer.gid, sink);
  write_named("pid", peer.pid, sink);
}

Status write_description(const std::optional<std::string>& method, Sink& sink) {
  std::vector<protocol::MethodInfo> shown;
  std::vector<std::string_view> names;
  for (const protocol::MethodInfo& info : protocol::methods()) {
    names.push_back(info.name);
    if (!method || *method == info.name) shown.push_back(info);
  }
  if (shown.empty()) {
    return failure(ErrorCode::unknown_method, "there is no method " + quoted(*method), "method",
                   did_you_mean(*method, names));
  }
  sink.begin_map(1);
  sink.text("methods");
  sink.begin_list(shown.size());
  for (const protocol::MethodInfo& info : shown) write_method(info, sink);
  return {};
}

Value to_value(const store::VerifyReport& report) {
  List families;
  for (const store::FamilyCheck& family : report.families) {
    families.push_back(Map{{"family", store::name_of(family.family)},
                           {"rows", family.rows},
                           {"digest", to_hex(as_bytes(family.digest))},
                           {"differences", family.differences},
                           {"first_difference", family.first_difference}});
  }
  return Map{{"equal", report.equal},
             {"sequence", report.sequence},
             {"events", report.events},
             {"state_digest", to_hex(as_bytes(report.state_digest))},
             {"families", std::move(families)}};
}

}  // namespace emstore::daemon
