// The bytes of media, up and down: in pieces, several on their way at once, resumed after a lost
// connection. Uses the bulk connection, so requests of others do not wait for it.
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <emstore/client.hpp>
#include <emstore/document.hpp>

#include "base/result.h"
#include "client-lib/core.h"

namespace emstore {

// How many bytes of files one request may still take along: half of what a daemon takes at least.
struct Baggage {
  std::uint64_t left = 4u << 20;
};

// The file as a request names it: its bytes, when they are at most 64 KiB and the request has room
// for them, else {blob: address} after having sent them. Errors: invalid_request for a file that
// cannot be read, source_changed when it changes meanwhile.
Result<Value> stored_file(Core& core, const File& file, Baggage& baggage);

// Which contents the store has: one answer for each, as blob.have gives them.
Result<List> known_contents(Core& core, const List& contents);

// The document as on the wire, its files stored. Errors have the path within the document.
Result<Map> lowered(Core& core, const Document& document, Baggage& baggage);
// The same of the only document of a request.
Result<Map> lowered(Core& core, const Document& document);
// The same of several; paths begin with `documents[i]`.
Result<List> lowered_list(Core& core, const std::vector<Document>& documents, Baggage& baggage);

// The daemon's own file of a content, open for reading, where `length` bytes of it are worth that
// and the daemon gives it; else none.
Result<Descriptor> file_of(Core& core, const std::string& address, std::uint64_t length);

// Bytes [offset, offset + length) to `sink`, in order: of the file, or in pieces where there is
// none. The sink's error ends it.
using ByteSink = std::function<Status(std::string_view piece)>;
Status fetch(Core& core, const Descriptor& file, const std::string& address, std::uint64_t offset,
             std::uint64_t length, const ByteSink& sink);
// As many as `into` has room for, into it; `seen` is told of each piece that is there, in order.
Status fetch(Core& core, const Descriptor& file, const std::string& address, std::uint64_t offset,
             std::span<char> into, const ByteSink& seen);

// The first piece, and how long the whole is.
struct FirstPiece {
  std::string bytes;
  std::uint64_t size = 0;
};
Result<FirstPiece> fetch_first(Core& core, const std::string& address);

// Of a media, by its id or as it is given.
Result<std::string> address_of_media(Core& core, const Value& id_or_address);

}  // namespace emstore
