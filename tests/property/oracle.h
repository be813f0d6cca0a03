// The oracle: what the store should do, said once more in the plainest way, from the table of
// operators and rules that the documentation gives. It shares no code with the store but the types
// of its front door (store/commands.h): ordered lists are vectors, and every rule is the loop that
// comes to mind first.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/commands.h"

namespace emstore::testing {

struct OracleField {
  enum class Kind { text, number, medium, media };
  enum class OnDelete { detach, collect, restricted };

  std::string name;
  Kind kind = Kind::text;
  bool required = false;
  std::optional<Value> default_value = std::nullopt;
  std::optional<double> minimum = std::nullopt;
  std::optional<std::size_t> max_length = std::nullopt;
  std::optional<std::size_t> min_items = std::nullopt, max_items = std::nullopt;
  std::string mime_type = {};  // "image/*" or nothing.
  std::optional<std::size_t> max_bytes = std::nullopt;
  OnDelete on_delete = OnDelete::detach;

  bool is_link() const { return kind == Kind::medium || kind == Kind::media; }
};

struct OracleIndex {
  std::string entity;
  std::vector<std::string> fields;
  bool unique = false;
};

struct OracleSchema {
  std::map<std::string, std::vector<OracleField>> entities;
  std::map<std::string, OracleIndex> indexes;

  const OracleField* field(const std::string& entity, const std::string& name) const;
  // As a client sends it.
  Map to_map() const;
};

struct OracleLink {
  std::uint64_t media = 0;
  Value meta;
  bool is_fresh = false;  // Was given its place by the request at hand.
};

// The path of what is called `name` at `path`.
inline std::string in(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

using Links = std::vector<OracleLink>;
// Null when it is not linked.
const OracleLink* link_to(const Links& links, std::uint64_t media);
bool contains(const Links& links, std::uint64_t media);

struct OracleRecord {
  Version created = 0, version = 0;
  std::map<std::string, Value> values;
  std::map<std::string, std::vector<OracleLink>> links;
};

// What is wrong with a request, as a set: the order in which it is told is the store's affair.
struct Refusal {
  ErrorCode code;
  std::string path;
  auto operator<=>(const Refusal&) const = default;
};

// What one link field should answer. Which links a $set moves is not determined where their order
// changes: any choice will do after which the links that stayed in place stand in order.
struct ExpectedField {
  std::string name;
  std::vector<OracleLink> before, after;
  std::vector<std::uint64_t> attached;  // As asked.
  std::vector<std::uint64_t> missed;    // To detach, linked neither before nor by the $set.
  bool was_set = false, detaches = false;
};

struct ExpectedMutation {
  std::uint64_t id = 0;
  Version version = 0;
  std::map<std::string, Value> data;  // Without times.
  std::vector<ExpectedField> fields;
};

struct ExpectedRecords {
  std::vector<ExpectedMutation> records;
  bool has_more = false;
};

struct Expected {
  std::multiset<Refusal> refusals;  // Empty: accepted.
  Sequence sequence = 0;
  bool replayed = false;
  // Whether the store finds out that links come back to their places depends on which it reads:
  // nothing was carried out here, and the command is not to be sent.
  bool is_open = false;
  std::vector<ExpectedRecords> mutations;
};

// Empty when the store's answer is the expected one, else what differs.
std::string difference(const Expected& expected, const store::Outcome& actual);

class Oracle {
 public:
  explicit Oracle(OracleSchema schema) : schema_(std::move(schema)) {}

  Expected carry_out(const store::Command& command, std::uint32_t uid);
  // A change that is allowed; takes a commit.
  void apply(OracleSchema schema);
  // The media that nothing links; deleting them all, which takes a commit or not; and the bytes of
  // those that are there.
  std::set<std::uint64_t> unlinked() const;
  void collect(bool is_commit);
  std::set<std::string> contents() const;

  using Records = std::map<std::uint64_t, OracleRecord>;
  const Records& records(const std::string& entity) const;
  // The value as a reader sees it.
  Value shown(const OracleField& field, const OracleRecord& record) const;
  // Every place where a media is linked: entity, owner, field.
  using Use = std::tuple<std::string, std::uint64_t, std::string>;
  std::vector<Use> uses_of(std::uint64_t media) const;
  const OracleSchema& schema() const { return schema_; }
  Sequence sequence() const { return sequence_; }

 private:
  struct Item {
    std::uint64_t id = 0;
    std::optional<Value> at, meta;
    std::string path;
  };
  using Items = std::vector<Item>;
  struct Creation {
    std::map<std::string, Value> values;
    std::size_t file = 0;
    std::string path;
  };
  struct LinkWish {
    const OracleField* field = nullptr;
    std::string path;
    std::optional<Items> set;
    Items detach, attach;
    std::vector<Creation> create;
    bool refused = false;  // Not held against the state.
  };
  struct Wish {
    const store::Mutation* mutation = nullptr;
    std::string path;
    std::uint64_t id = 0;
    std::map<std::string, Value> values;
    std::vector<LinkWish> links;
    std::optional<Creation> media;
  };
  struct Entity {
    Records records;
    std::uint64_t next_id = 1;
  };
  using State = std::map<std::string, Entity>;
  struct Answered {
    Sha256 digest;
    Expected expected;
  };

  using RecordName = std::pair<std::string, std::uint64_t>;  // Entity and id.
  // What is known of a command on its way.
  struct Progress {
    std::map<RecordName, std::string> touched;  // Where each record was named last.
    std::set<RecordName> refused;
    std::map<std::string, std::vector<std::uint64_t>> names;
    std::set<std::string> refused_names;
    std::uint64_t unnamed = 0;
    bool names_refused = false;  // The mutation at hand names a record that was refused.
  };
  ExpectedRecords carry_out(store::Mutation mutation, const std::string& path,
                            const store::Command& command, Progress& progress);
  std::optional<ExpectedMutation> carry_out_one(const store::Mutation& mutation,
                                                const std::string& path,
                                                const store::Command& command, Progress& progress);
  ExpectedRecords carry_out_found(const store::Mutation& mutation, const std::string& path,
                                  const store::Command& command, Progress& progress);
  void check(const store::Mutation& mutation, const std::string& path, const Progress& progress);
  bool fits(const std::string& entity, const Map& where, std::uint64_t id,
            const OracleRecord& record) const;
  // Names become ids; of refused ones, ids that nothing has.
  static Value without_names(const Value& value, Progress& progress);

  // The request alone.
  std::optional<Wish> read(const store::Mutation& mutation, const std::string& path);
  void read_document(const Map& document, Wish& wish);
  void read_value(const OracleField& field, const Value& value, const std::string& path,
                  std::map<std::string, Value>& values);
  void read_links(const OracleField& field, const Value& value, const std::string& path,
                  Wish& wish);
  Items read_items(const Value& argument, const std::string& path, const OracleField& field,
                   const std::string& name);
  void read_item(const Value& value, const std::string& path, const std::string& name,
                 Items& items);
  void read_creations(const Value& argument, const std::string& path, LinkWish& wish);
  std::optional<Creation> read_creation(const Map& document, const std::string& path);

  // The request against the state.
  ExpectedMutation decide(const Wish& wish, const store::Command& command);
  ExpectedMutation insert(const Wish& wish, const store::Command& command);
  ExpectedMutation update(const Wish& wish, const store::Command& command);
  ExpectedMutation remove(const Wish& wish);
  void remove_media(const Wish& wish);
  bool change_links(const LinkWish& wish, const store::Command& command, OracleRecord& owner,
                    ExpectedMutation& expected);
  void attach(const Item& item, const LinkWish& wish, std::vector<OracleLink>& links);
  bool admits(const OracleField& field, std::uint64_t media, const std::string& path);
  bool admits_file(const OracleField& field, const std::string& type, const std::string& bytes,
                   const std::string& path);
  void check_count(const OracleField& field, std::size_t count, const std::string& path,
                   bool is_whole = true);
  std::uint64_t create(const Creation& creation, const store::Command& command);
  void check_unique(const std::map<RecordName, std::string>& touched);
  std::optional<std::vector<Value>> unique_key(const OracleIndex& index,
                                               const OracleRecord& record) const;

  void refuse(ErrorCode code, const std::string& path) { refusals_.insert({code, path}); }

  OracleSchema schema_;
  State state_, next_;
  Sequence sequence_ = 0;
  std::uint64_t first_new_media_ = 0;  // Media from here on are made by the mutation at hand,
  std::map<RecordName, std::string> new_media_;  // these by its links, at these places.
  bool changed_ = false;
  bool is_open_ = false;  // See Expected.
  std::multiset<Refusal> refusals_;
  std::map<std::pair<std::uint32_t, std::string>, Answered> requests_;
};

}  // namespace emstore::testing
