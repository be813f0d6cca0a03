// Families: the kinds of rows. Primary families are the truth; every other one is an index, derived
// from the log and nothing else, and can be thrown away and made again. docs/event-log.md has their
// grammar; a test holds its table against this file.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace emstore::store {

enum class Family : std::uint8_t {
  // Primary: written beside the fold, never in the state digest.
  log,     // sequence → commit bytes
  bytes,   // address → the bytes of a small blob
  leases,  // address → who may name it in a $create, and until when
  meta,    // store id, state of families, progress of index fills
  // Indexes: a pure fold of the log.
  schema,     // the schema in force
  records,    // record → owner row: version, times, fields, links per field
  bodies,     // record → field values too large for the owner row
  links,      // owner, field, order key → target, meta, cover
  backlinks,  // target, covered, owner, field → where the link is
  uses,       // record → how often it is linked
  blobs,      // address → size, SHA-256, count of media
  unused,     // sequence, media or address → since when nothing uses it
  values,     // index, values, record → nothing
  requests,   // uid, key → the commit that carried it out
  counters,   // entity → next id, count of records
  deleted,    // record → the commit that deleted it
  unlinked,   // target, owner, field → the commit that last removed that link
  tree,       // frontier and tiles of the log's tree
};

inline constexpr std::size_t kFamilyCount = 18;
inline constexpr std::size_t kPrimaryFamilyCount = 4;

struct FamilyInfo {
  Family family;
  std::string_view name;        // As in the database and in dumps.
  std::uint32_t index_version;  // Raised when the rows change their shape; 0 for primary families.
};

inline constexpr std::array<FamilyInfo, kFamilyCount> kFamilies{{
    {Family::log, "log", 0},
    {Family::bytes, "bytes", 0},
    {Family::leases, "leases", 0},
    {Family::meta, "meta", 0},
    {Family::schema, "schema", 1},
    {Family::records, "records", 1},
    {Family::bodies, "bodies", 1},
    {Family::links, "links", 1},
    {Family::backlinks, "backlinks", 1},
    {Family::uses, "uses", 1},
    {Family::blobs, "blobs", 1},
    {Family::unused, "unused", 1},
    {Family::values, "values", 1},
    {Family::requests, "requests", 1},
    {Family::counters, "counters", 1},
    {Family::deleted, "deleted", 1},
    {Family::unlinked, "unlinked", 1},
    {Family::tree, "tree", 1},
}};

// Its place in a table of all families.
constexpr std::size_t slot(Family family) { return static_cast<std::size_t>(family); }
constexpr const FamilyInfo& info(Family family) { return kFamilies[slot(family)]; }
constexpr bool is_index(Family family) { return slot(family) >= kPrimaryFamilyCount; }
constexpr std::string_view name_of(Family family) { return info(family).name; }

static_assert(kFamilies.back().family == Family::tree && kFamilies.size() == kFamilyCount);

}  // namespace emstore::store
