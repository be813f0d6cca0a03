// Several mutations in one commit: all of them or none.
//
//   Transaction shop = db.transaction();
//   const Value laptop = shop.insert_one("products", {{"name", "Laptop"}});
//   shop.update_one("shelves", 3, {{"items", attach({17})}}, {.expected = 41});
//   shop.check("stocks", 5, {.expected = 40});
//   shop.insert_one("pages", {{"product", laptop}});
//   const TransactionResult done = shop.run();
#pragma once

#include <emstore/document.hpp>
#include <emstore/failure.hpp>
#include <emstore/options.hpp>
#include <emstore/query.hpp>
#include <emstore/record.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace emstore {

class Core;

// Options of mutations that choose their records by a Where.
struct ChoiceOptions {
  bool all = false;                  // An empty Where is meant to be empty.
  std::vector<Order> order_by = {};  // Empty: by id.
  std::optional<std::uint64_t> limit = {};
  bool detach = false;            // delete_where of media that are in use: drop their links first.
  bool dry_run = false;           // Only say what would change: `plan` of the result.
  MutationOptions mutation = {};  // `expected` does not apply.
};

// What a check asks of a record, beside being there.
struct CheckOptions {
  std::optional<std::uint64_t> expected = {};  // Its version.
  std::optional<Where> where = {};             // What holds of it.
};

// What one operation of a transaction may expect.
struct OperationOptions {
  std::optional<std::uint64_t> expected = {};  // The version that the record must have.
  bool detach = false;                         // delete_one of a media: drop its links first.
};

struct TransactionResult {
  std::vector<Mutations> results;  // One for each operation, in order; of a check without records.
  std::uint64_t sequence = 0;
  bool replayed = false;
};

// Gathers operations; nothing is sent, and no file read, before run(). Each is carried out on top
// of the ones before it. Use from one thread at a time; must not outlive the Client.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  // What is returned stands for the id of the new record in later operations of this transaction:
  // as an id, or as an item of set, attach and detach.
  Value insert_one(const std::string& entity, const Document& document);
  std::vector<Value> insert_many(const std::string& entity, const std::vector<Document>& documents);
  void update_one(const std::string& entity, const Value& id, const Document& document,
                  const OperationOptions& options = {});
  void delete_one(const std::string& entity, const Value& id, const OperationOptions& options = {});
  // The `mutation` of the options does not apply: that of run() does.
  void update_where(const std::string& entity, const Where& where, const Document& document,
                    const ChoiceOptions& options = {});
  void delete_where(const std::string& entity, const Where& where,
                    const ChoiceOptions& options = {});

  // Unless they hold, nothing happens. That record is there; is not there; some record is as
  // `where` says; none is.
  void check(const std::string& entity, const Value& id, const CheckOptions& options = {});
  void check_absent(const std::string& entity, const Value& id);
  void check_any(const std::string& entity, const Where& where);
  void check_none(const std::string& entity, const Where& where);

  // An operation as on the wire: {"updateOne": ["products", 1, {…}], "expected": 41}.
  void add(Map operation);

  std::size_t size() const;

  // Carries all of it out. Every check that fails and every rule that is broken stands in the
  // error's violations. The transaction stays as it is: a run that was refused may be tried again.
  TransactionResult run(const MutationOptions& options = {});
  TransactionResult run(ErrorOut error, const MutationOptions& options = {});

 private:
  friend class Client;
  struct State;
  explicit Transaction(Core& core);
  std::unique_ptr<State> state_;
};

}  // namespace emstore
