#include "store/commands.h"

#include <utility>

#include "base/big_endian.h"
#include "store/paths.h"

namespace emstore::store {
namespace {

// Walks the places where a document may hold bytes.
class FilePreparation {
 public:
  FilePreparation(std::vector<PreparedFile>& files,
                  const std::function<PreparedFile(std::string bytes)>& prepare)
      : files_(files), prepare_(prepare) {}

  Status mutation(Mutation& mutation, const std::string& path) {
    const bool is_media = mutation.verb == Verb::insert && mutation.entity == "media";
    if (!mutation.documents) return document(mutation.document, is_media, path);
    for (std::size_t i = 0; i < mutation.documents->size(); ++i) {
      Map* one = (*mutation.documents)[i].if_map();
      if (one == nullptr) continue;
      EMSTORE_CHECKED(document(*one, is_media, path_at(path_in(path, "documents"), i)));
    }
    return {};
  }

 private:
  Status document(Map& document, bool is_media, const std::string& place) {
    return is_media ? media(document, place) : operators(document, place);
  }

  Status operators(Map& document, const std::string& place) {
    for (auto& [name, value] : document) {
      Map* operators = value.if_map();
      Value* create = operators == nullptr ? nullptr : operators->find("$create");
      if (create == nullptr) continue;
      const std::string path = path_in(place, name) + ".$create";
      List* items = create->if_list();
      if (items == nullptr) {
        EMSTORE_CHECKED(item(*create, path));
        continue;
      }
      for (std::size_t i = 0; i < items->size(); ++i) {
        EMSTORE_CHECKED(item((*items)[i], path_at(path, i)));
      }
    }
    return {};
  }

  Status media(Map& document, const std::string& path) {
    Value* file = document.find("file");
    Binary* bytes = file == nullptr ? nullptr : file->if_binary();
    if (bytes == nullptr) return {};
    if (bytes->data.size() > kSmallBlobBytesMax) {
      return failure(ErrorCode::value_too_large,
                     std::to_string(bytes->data.size()) + " bytes are too many for one request",
                     path_in(path, "file"),
                     "upload more than 65536 bytes with blob.begin, blob.write and blob.commit");
    }
    files_.push_back(prepare_(std::move(bytes->data)));
    std::string number;
    append_big_endian<std::uint64_t>(number, files_.size() - 1);
    *file = Binary{std::move(number)};
    return {};
  }

  Status item(Value& value, const std::string& path) {
    Map* created = value.if_map();
    if (created == nullptr) return {};
    EMSTORE_CHECKED(media(*created, path));
    return operators(*created, path);  // A record may be created with media of its own.
  }

  std::vector<PreparedFile>& files_;
  const std::function<PreparedFile(std::string bytes)>& prepare_;
};

}  // namespace

Status prepare_files(Command& command,
                     const std::function<PreparedFile(std::string bytes)>& prepare) {
  FilePreparation preparation(command.files, prepare);
  for (std::size_t i = 0; i < command.mutations.size(); ++i) {
    EMSTORE_CHECKED(preparation.mutation(command.mutations[i], path_of(command, i)));
  }
  return {};
}

std::string path_of(const Command& command, std::size_t mutation) {
  if (const std::string& place = command.mutations[mutation].place; !place.empty()) return place;
  const bool is_only = !command.is_transaction && command.mutations.size() == 1;
  return is_only ? std::string() : path_at("operations", mutation);
}

}  // namespace emstore::store
