#include <emstore/transaction.hpp>

#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"
#include "client-lib/transfer.h"

namespace emstore {
namespace {

// One operation as it will be sent, but for its documents.
struct Operation {
  std::string method;
  List params;
  std::vector<Document> documents;
  bool takes_list = false;  // The documents are one param, a list.
  Map options;
};

Result<Map> lowered(Core& core, const Operation& operation, Baggage& baggage) {
  if (operation.method.empty()) return operation.options;  // As on the wire.
  List params = operation.params;
  if (operation.takes_list) {
    EMSTORE_TRY(List documents, lowered_list(core, operation.documents, baggage));
    params.push_back(std::move(documents));
  } else if (!operation.documents.empty()) {
    EMSTORE_TRY(Map document, lowered(core, operation.documents.front(), baggage));
    params.push_back(std::move(document));
  }
  Map map{{operation.method, std::move(params)}};
  for (const Map::Member& option : operation.options) map.set(option.name, option.value);
  return map;
}

Map options_of(const OperationOptions& options) {
  Map map;
  if (options.expected) map.set("expected", *options.expected);
  if (options.detach) map.set("detach", true);
  return map;
}

Map options_of(const ChoiceOptions& options) {
  Map map;
  if (options.all) map.set("all", true);
  if (!options.order_by.empty()) map.set("orderBy", to_value(options.order_by));
  if (options.limit) map.set("limit", *options.limit);
  if (options.detach) map.set("detach", true);
  if (options.dry_run) map.set("dry_run", true);  // Refused, where silence would carry it out.
  return map;
}

Value reference(const std::string& name) { return Map{{"$ref", name}}; }

}  // namespace

struct Transaction::State {
  Operation& add(Operation operation) {
    operations.push_back(std::move(operation));
    return operations.back();
  }

  // The name of what the next operation inserts.
  std::string next_name() const { return "r" + std::to_string(operations.size()); }

  Result<TransactionResult> run(const MutationOptions& options) const {
    protocol::Transaction call;
    Baggage baggage;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      Result<Map> operation = lowered(*core, operations[i], baggage);
      if (!operation) {
        return failure(within("operations[" + std::to_string(i) + "]", operation.error()));
      }
      call.operations.push_back(*std::move(operation));
    }
    call.options = core->options_of(options);
    EMSTORE_TRY(const Map answer, core->call_for_map(call));
    return transaction_of(answer);
  }

  Core* core;
  std::vector<Operation> operations;
};

Transaction::Transaction(Core& core) : state_(std::make_unique<State>(State{&core, {}})) {}
Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

Value Transaction::insert_one(const std::string& entity, const Document& document) {
  const std::string name = state_->next_name();
  state_->add({"insertOne", {entity}, {document}, false, {{"as", name}}});
  return reference(name);
}

std::vector<Value> Transaction::insert_many(const std::string& entity,
                                            const std::vector<Document>& documents) {
  const std::string name = state_->next_name();
  state_->add({"insertMany", {entity}, documents, true, {{"as", name}}});
  std::vector<Value> records;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    records.push_back(reference(name + "[" + std::to_string(i) + "]"));
  }
  return records;
}

void Transaction::update_one(const std::string& entity, const Value& id, const Document& document,
                             const OperationOptions& options) {
  state_->add({"updateOne", {entity, id}, {document}, false, options_of(options)});
}

void Transaction::delete_one(const std::string& entity, const Value& id,
                             const OperationOptions& options) {
  state_->add({"deleteOne", {entity, id}, {}, false, options_of(options)});
}

void Transaction::update_where(const std::string& entity, const Where& where,
                               const Document& document, const ChoiceOptions& options) {
  state_->add({"updateWhere", {entity, where.to_map()}, {document}, false, options_of(options)});
}

void Transaction::delete_where(const std::string& entity, const Where& where,
                               const ChoiceOptions& options) {
  state_->add({"deleteWhere", {entity, where.to_map()}, {}, false, options_of(options)});
}

void Transaction::check(const std::string& entity, const Value& id, const CheckOptions& options) {
  Operation& check = state_->add({"check", {entity, id}, {}, false, {}});
  if (options.expected) check.options.set("expected", *options.expected);
  if (options.where) check.options.set("where", options.where->to_map());
}

void Transaction::check_absent(const std::string& entity, const Value& id) {
  state_->add({"check", {entity, id}, {}, false, {{"exists", false}}});
}

void Transaction::check_any(const std::string& entity, const Where& where) {
  state_->add({"check", {entity}, {}, false, {{"where", where.to_map()}}});
}

void Transaction::check_none(const std::string& entity, const Where& where) {
  state_->add({"check", {entity}, {}, false, {{"where", where.to_map()}, {"exists", false}}});
}

void Transaction::add(Map operation) { state_->add({{}, {}, {}, false, std::move(operation)}); }

std::size_t Transaction::size() const { return state_->operations.size(); }

TransactionResult Transaction::run(const MutationOptions& options) {
  return value_of(state_->run(options));
}
TransactionResult Transaction::run(ErrorOut error, const MutationOptions& options) {
  return value_of(state_->run(options), error);
}

}  // namespace emstore
