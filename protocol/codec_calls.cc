// Requests: Call -> bytes. What a method looks like is in methods.h; here are the visitors that
// write it.
#include <type_traits>
#include <utility>

#include "protocol/codec.h"
#include "protocol/methods.h"

namespace emstore::protocol {
namespace {

bool is_default(const bool& place) { return !place; }
bool is_default(const std::string& place) { return place.empty(); }
bool is_default(const Value& place) { return place.is_null(); }
bool is_default(const List& place) { return place.empty(); }
bool is_default(const std::int64_t&) { return false; }
bool is_default(const std::uint64_t&) { return false; }
template <typename Place>
bool is_default(const std::optional<Place>& place) {
  return !place;
}

// Visits the options of `place` that say something. What a method does not take is written all the
// same: the daemon refuses it, where silence would hide a mistake.
void visit_options(const MutationOptions& place, auto&& option) {
  option("key", place.key);
  option("expected", place.expected);
  option("detach", place.detach);
  option("dry_run", place.dry_run);
  option("reason", place.reason);
  option("correlation", place.correlation);
  option("causation", place.causation);
}

// Counts what ParamsWriter will write.
class ParamsCounter {
 public:
  std::size_t params = 0, options = 0;

  void param(std::string_view /*name*/, const auto& /*place*/) { ++params; }
  void optional_param(std::string_view /*name*/, const std::optional<std::string>& place) {
    if (place) ++params;
  }
  void optional_param(std::string_view /*name*/, const auto& /*place*/) { ++params; }
  void option(std::string_view /*name*/, const auto& place) {
    if (!is_default(place)) ++options;
  }
  void mutation(const MutationOptions& place, MutationTakes /*takes*/) {
    visit_options(place, [this](std::string_view name, const auto& one) { option(name, one); });
  }
  void query(const Map& place, const ReadOptions& read, std::string_view /*names*/) {
    options += place.size();
    option("as_of", read.as_of);
    option("after", read.after);
  }
};

class ParamsWriter {
 public:
  ParamsWriter(pack::Writer& writer, const ParamsCounter& counted)
      : writer_(writer), options_(counted.options) {
    writer_.begin_list(counted.params + (options_ > 0 ? 1 : 0));
  }

  void param(std::string_view /*name*/, const auto& place) { write(place); }
  void optional_param(std::string_view /*name*/, const auto& place) { write(place); }
  void option(std::string_view name, const auto& place) {
    if (is_default(place)) return;
    open_options();
    writer_.text(name);
    write(place);
  }
  void mutation(const MutationOptions& place, MutationTakes /*takes*/) {
    visit_options(place, [this](std::string_view name, const auto& one) { option(name, one); });
  }
  void query(const Map& place, const ReadOptions& read, std::string_view /*names*/) {
    for (const Map::Member& member : place) {
      open_options();
      writer_.text(member.name);
      writer_.value(member.value);
    }
    option("as_of", read.as_of);
    option("after", read.after);
  }

 private:
  void open_options() {
    if (!std::exchange(is_open_, true)) writer_.begin_map(options_);
  }
  void write(const std::string& place) { writer_.text(place); }
  void write(const Binary& place) { writer_.binary(place.data); }
  void write(const bool& place) { writer_.boolean(place); }
  void write(const std::int64_t& place) { writer_.integer(place); }
  void write(const std::uint64_t& place) { writer_.unsigned_integer(place); }
  void write(const Value& place) { writer_.value(place); }
  void write(const List& place) {
    writer_.begin_list(place.size());
    for (const Value& item : place) writer_.value(item);
  }
  void write(const Map& place) {
    writer_.begin_map(place.size());
    for (const Map::Member& member : place) {
      writer_.text(member.name);
      writer_.value(member.value);
    }
  }
  template <typename Place>
  void write(const std::optional<Place>& place) {
    if (place) write(*place);
  }

  pack::Writer& writer_;
  std::size_t options_;
  bool is_open_ = false;
};

// [0, id, method, …: the params follow.
void begin_request(pack::Writer& writer, std::uint32_t id, std::string_view method) {
  writer.begin_list(kRequestParts);
  writer.integer(kRequestType);
  writer.integer(id);
  writer.text(method);
}

}  // namespace

void encode_request(std::uint32_t id, const Call& call, std::string& out) {
  pack::Writer writer(out);
  begin_request(writer, id, method_of(call));
  std::visit(
      [&writer](const auto& one) {
        using OneCall = std::remove_cvref_t<decltype(one)>;
        ParamsCounter counter;
        Method<OneCall>::visit(counter, one);
        ParamsWriter params(writer, counter);
        Method<OneCall>::visit(params, one);
      },
      call);
}

void encode_request(std::uint32_t id, std::string_view method, const List& params,
                    std::string& out) {
  pack::Writer writer(out);
  begin_request(writer, id, method);
  writer.begin_list(params.size());
  for (const Value& param : params) writer.value(param);
}

}  // namespace emstore::protocol
