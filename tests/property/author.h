// The author: random commands for a shop, most of them sensible, some wrong in every way there is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/property/oracle.h"
#include "tests/support/chance.h"

namespace emstore::testing {

// Its stages follow each other: new fields, defaults, rules and indexes come, none goes.
OracleSchema shop_of_stage(std::size_t stage);
inline constexpr std::size_t kShopStages = 5;

class Author {
 public:
  Author(Dice& dice, const Oracle& oracle) : dice_(dice), oracle_(oracle) {}

  store::Command command();

 private:
  store::Mutation mutation();
  store::Mutation insertion();
  store::Mutation many_insertions();
  store::Mutation choice();
  store::Mutation check();
  Map where(const std::string& entity);
  // Gives an insert a name to be called by later.
  void name(store::Mutation& mutation);
  store::Mutation change();
  store::Mutation removal();
  Map document(const std::string& entity, bool is_new);
  void add_flaw(Map& document);
  Value text();
  Value number();
  Value links(const OracleField& field, const std::vector<OracleLink>& present);
  Value set_argument(const OracleField& field, const std::vector<OracleLink>& present);
  Value attach_argument(const std::vector<OracleLink>& present);
  Value detach_argument(const std::vector<OracleLink>& present);
  Value create_argument(const OracleField& field);
  Map created();
  Value item(std::uint64_t id, const std::vector<OracleLink>& present, bool may_be_placed);
  std::uint64_t media(const std::vector<OracleLink>& present);
  std::uint64_t record(const std::string& entity);

  Dice& dice_;
  const Oracle& oracle_;
  std::vector<std::string> media_names_;  // Of the command at hand.
  std::vector<std::string> product_names_;
  std::size_t names_ = 0;
};

}  // namespace emstore::testing
