#include "store/commands.h"

#include <utility>

#include "base/big_endian.h"

namespace emstore::store {
namespace {

// Walks the places where a document may hold bytes.
class FilePreparation {
 public:
  FilePreparation(std::vector<PreparedFile>& files,
                  const std::function<PreparedFile(std::string bytes)>& prepare)
      : files_(files), prepare_(prepare) {}

  Status document(Map& document, const std::string& place) {
    for (auto& [name, value] : document) {
      Map* operators = value.if_map();
      Value* create = operators == nullptr ? nullptr : operators->find("$create");
      if (create == nullptr) continue;
      const std::string path = (place.empty() ? name : place + "." + name) + ".$create";
      List* items = create->if_list();
      if (items == nullptr) {
        EMSTORE_CHECKED(item(*create, path));
        continue;
      }
      for (std::size_t i = 0; i < items->size(); ++i) {
        EMSTORE_CHECKED(item((*items)[i], path + "[" + std::to_string(i) + "]"));
      }
    }
    return {};
  }

  Status media(Map& document, const std::string& path) {
    Value* file = document.find("file");
    Binary* bytes = file == nullptr ? nullptr : file->if_binary();
    if (bytes == nullptr) return {};
    const std::string place = path.empty() ? "file" : path + ".file";
    if (bytes->data.size() > kSmallBlobBytesMax) {
      return failure(ErrorCode::value_too_large,
                     std::to_string(bytes->data.size()) + " bytes are too many for one request",
                     place,
                     "upload more than 65536 bytes with blob.begin, blob.write and blob.commit");
    }
    files_.push_back(prepare_(std::move(bytes->data)));
    std::string number;
    append_big_endian<std::uint64_t>(number, files_.size() - 1);
    *file = Binary{std::move(number)};
    return {};
  }

 private:
  Status item(Value& value, const std::string& path) {
    Map* created = value.if_map();
    if (created == nullptr) return {};
    EMSTORE_CHECKED(media(*created, path));
    return document(*created, path);  // A record may be created with media of its own.
  }

  std::vector<PreparedFile>& files_;
  const std::function<PreparedFile(std::string bytes)>& prepare_;
};

}  // namespace

Status prepare_files(Map& document, bool is_media, std::vector<PreparedFile>& files,
                     const std::function<PreparedFile(std::string bytes)>& prepare) {
  FilePreparation preparation(files, prepare);
  return is_media ? preparation.media(document, "") : preparation.document(document, "");
}

}  // namespace emstore::store
