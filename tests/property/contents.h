// What tests of the model share: a comparison of all that a reader shows with what the oracle
// holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "store/query.h"
#include "tests/property/oracle.h"
#include "tests/support/chance.h"

namespace emstore::testing {

std::string text_of(const store::Command& command);

// Reads everything through queries and compares it with what the oracle holds.
class Contents {
 public:
  Contents(const store::Reader& reader, const store::Schema& schema, const Oracle& oracle)
      : reader_(reader), schema_(schema), oracle_(oracle) {}

  // The first difference, or nothing.
  std::string difference();

 private:
  Value all_of(const std::string& entity, const std::vector<OracleField>& fields);
  void compare(const std::string& entity, std::uint64_t id, const OracleRecord& expected,
               const Map& found);
  void compare_links(const std::string& name, const OracleField& field,
                     const std::vector<OracleLink>& links, const Value& found);
  void compare_uses(const std::string& name, std::uint64_t id, const List& found);
  void expect(const std::string& name, const Value& expected, const Value& found);
  // One commit has one time, and times follow the commits.
  void note_time(Sequence sequence, const Value& time);
  std::string times_in_order() const;

  const store::Reader& reader_;
  const store::Schema& schema_;
  const Oracle& oracle_;
  std::map<Sequence, Time> times_;
  std::string difference_;
};

}  // namespace emstore::testing
