// Values as people read them.
#pragma once

#include <emstore/record.hpp>
#include <emstore/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace emstore::cli {

std::string size_text(std::uint64_t bytes);       // "2.1 MiB"
std::string count_text(std::uint64_t count);      // "1,204,551"
std::string time_text(Time time);                 // "2026-11-22 15:09:26" UTC
std::string duration_text(double seconds);        // "1 h 4 min", "21 ms"
std::string address_text(std::string_view blob);  // "9fea2b81…7d58": enough to tell apart.

// One value in one line: texts bare, maps and lists as JSON.
std::string cell_text(const Value& value);
// "3 items" worth of media in one cell: their names.
std::string names_text(RecordsView media);

// The number in a map, by a path like "blobs.contents"; 0 when there is none.
std::uint64_t number_at(const Map& map, std::string_view path);
const Value& value_at(const Map& map, std::string_view path);
// The same of a map and of a text; empty when it is none.
const Map& map_at(const Map& map, std::string_view path);
std::string text_at(const Map& map, std::string_view path);

}  // namespace emstore::cli
