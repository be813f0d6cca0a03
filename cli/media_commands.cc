#include <unistd.h>

#include <array>
#include <filesystem>
#include <iostream>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/show.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

Record media_record(Session& session, const std::string& id) {
  Query query;
  query.with.add(With("reference"));
  auto record = session.client().repository("media").find_id(id_of(id), query);
  if (record) return std::move(*record);
  throw Failure({ErrorCode::media_not_found,
                 "media " + id + " does not exist",
                 "",
                 "`emstore media ls` lists the media",
                 {}});
}

// The record that the file becomes.
Map put_file(Session& session, const std::string& name, const Document& fields) {
  File file{std::filesystem::path(name)};
  for (const Document::Member& member : fields.members()) {
    if (const auto* value = std::get_if<Value>(&member.content)) file.set(member.name, *value);
  }
  const Mutation done = session.client().media().upload(file);
  Map media = done.data().values();
  media.set("id", done.id());
  return media;
}

void copy_to_stdout(Session& session, const Value& media) {
  MediaReader reader = session.client().media().open(media);
  std::string piece(kPieceBytes, '\0');
  while (const std::size_t count = reader.read(piece)) {
    std::cout.write(piece.data(), static_cast<std::streamsize>(count));
    if (!std::cout.flush()) throw Failure(output_failure());
  }
}

// Where to put a media that names no output: under its own name, without any folder in it.
std::filesystem::path own_name(Session& session, const MediaGetWords& words) {
  const Value id = id_of(words.id_or_address);
  if (!id.if_integer())
    throw UsageError("bytes have no name of their own",
                     "say where to: -o FILE, or -o - for standard output");
  const std::string name = cell_text(media_record(session, words.id_or_address)["name"]);
  std::filesystem::path path = std::filesystem::path(name).filename();
  if (path.empty() || path == "." || path == "..") path = "media-" + words.id_or_address;
  if (std::filesystem::exists(path)) {
    throw UsageError(path.string() + " is there already", "name another: -o FILE");
  }
  return path;
}

}  // namespace

int put_media(Session& session, const MediaPutWords& words) {
  const Document fields = document_of(session.schema(), "media", words.assignments);
  List put;
  const auto show = [&] {
    if (!session.json() && !put.empty()) session.print(media_table({put.data(), put.size()}));
  };
  try {
    for (const std::string& name : words.files) {
      put.emplace_back(put_file(session, name, fields));
      if (session.json()) session.print_json(put.back());
    }
  } catch (...) {
    show();  // What was stored before stays.
    throw;
  }
  show();
  return 0;
}

int get_media(Session& session, const MediaGetWords& words) {
  const Value media = id_of(words.id_or_address);
  const bool to_pipe = words.output.empty() && ::isatty(STDOUT_FILENO) == 0;
  if (to_pipe || words.output == "-") {
    copy_to_stdout(session, media);
    return 0;
  }
  const InterruptGuard guard;
  session.client().on_progress([](std::uint64_t, std::uint64_t) { InterruptGuard::check(); });
  const std::filesystem::path path =
      words.output.empty() ? own_name(session, words) : std::filesystem::path(words.output);
  const std::uint64_t size = session.client().media().download(media, path);
  std::error_code error;
  if (std::filesystem::equivalent(path, "/dev/stdout", error)) return 0;  // Bytes and nothing else.
  if (session.json()) {
    session.print_json(Map{{"file", path.string()}, {"size", size}});
  } else {
    session.print(harmless(path.string()) + "  " + size_text(size) + "\n");
  }
  return 0;
}

int have_media(Session& session, const std::vector<std::string>& addresses) {
  const List answers = session.client().media().have(List(addresses.begin(), addresses.end()));
  if (session.json()) {
    for (const Value& answer : answers) session.print_json(answer);
    return 0;
  }
  Table table({{"BLOB"}, {"SIZE"}, {"TYPE"}, {"UNTIL"}});
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Map* known = answers[i].if_map();
    if (known == nullptr) {
      table.add({addresses[i], "not there", "", ""});
      continue;
    }
    table.add({addresses[i], size_text(number_at(*known, "size")),
               cell_text(value_at(*known, "mime_type")), cell_text(value_at(*known, "expires"))});
  }
  session.print(table);
  return 0;
}

int list_media(Session& session, std::optional<std::uint64_t> limit, std::uint64_t offset) {
  const Page page =
      session.client().repository("media").find_many({.limit = limit, .offset = offset});
  if (session.json()) {
    for (const Record& record : page) session.print_json(record.values());
    if (page.has_more) {
      std::cerr << to_json(Map{{"more", Map{{"offset", offset + page.size()}}}}) << "\n";
    }
    return 0;
  }
  if (page.empty()) {
    const bool none = offset == 0 && limit != 0u;
    session.print(none ? "no media yet; `emstore media put FILE` stores one\n" : "no such media\n");
    return 0;
  }
  List media;
  for (const Record& record : page) media.emplace_back(record.values());
  session.print(media_table({media.data(), media.size()}));
  if (page.has_more) {
    session.print(
        dim(session.terminal(), "more: --offset " + std::to_string(offset + page.size())) + "\n");
  }
  return 0;
}

int show_media(Session& session, const std::string& id) {
  const Record record = media_record(session, id);
  if (session.json()) {
    session.print_json(record.values());
    return 0;
  }
  print_record(session, "media/" + cell_text(record.view().id()), record.view());
  return 0;
}

}  // namespace emstore::cli
