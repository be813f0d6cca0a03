#include "daemon/media_mark.h"

#include <optional>
#include <string>

#include "base/hash.h"
#include "blobs/mark.h"
#include "store/opening.h"

namespace emstore::daemon {
namespace {

constexpr const char* kUseAnother =
    "name an empty one with --media or EMSTORE_MEDIA, or leave the setting out";

tl::unexpected<Error> not_its_folder(const std::string& message, std::string hint) {
  return failure(ErrorCode::invalid_request, message, "media", std::move(hint));
}

tl::unexpected<Error> is_used(const std::filesystem::path& folder) {
  return not_its_folder("the media folder " + folder.string() +
                            " holds media of another store, or of an import that " +
                            "was not completed",
                        kUseAnother);
}

std::string text_of(const store::MediaMark& mark) { return to_hex(as_bytes(mark.id)); }

// Nothing was ever committed, and no bytes are kept for anybody: no file can be its own.
Result<bool> knows_nothing(const store::View& view) {
  bool is_empty = view.sequence == 0;
  EMSTORE_CHECKED(view.reader->scan(store::Family::leases, store::KeyRange{},
                                    [&](std::string_view, std::string_view) {
                                      is_empty = false;
                                      return false;
                                    }));
  return is_empty;
}

Status place(const std::filesystem::path& folder, store::Store& store, store::MediaMark mark) {
  EMSTORE_CHECKED(blobs::place_mark(folder, text_of(mark)));
  mark.is_placed = true;
  return store.note(mark);
}

}  // namespace

Status refuse_used_media(const std::filesystem::path& folder) {
  EMSTORE_TRY(const bool holds_media, blobs::holds_media(folder));
  EMSTORE_TRY(const auto mark, blobs::read_mark(folder));
  return holds_media || mark ? is_used(folder) : Status{};
}

Status claim_media(const Config& config, const OpenedStore& opened) {
  const std::filesystem::path folder = config.media_folder();
  const std::shared_ptr<const store::View> view = opened.store->view();
  EMSTORE_TRY(std::optional<store::MediaMark> known, store::read_media_mark(*view->reader));
  EMSTORE_TRY(const std::optional<std::string> found, blobs::read_mark(folder));
  const std::string both =
      "the media folder " + folder.string() + " and the store in " + config.data.string();
  if (found && known && *found == text_of(*known)) {
    return known->is_placed ? Status{} : opened.store->note({known->id, true});
  }
  if (found) {
    const std::string own = known ? "this store's own folder" : "an empty folder for a new store";
    return not_its_folder(both + " do not belong together: the folder has another store's mark",
                          "name " + own + " by --media; if these are its files, put back from a " +
                              "copy that had no mark yet, remove " +
                              (folder / blobs::kMarkName).string());
  }
  // A folder that lost its mark looks like one whose disk is not mounted, empty or not.
  if (known && known->is_placed) {
    return not_its_folder(
        both + " may not belong together: the folder has not the store's mark",
        "mount its disk, or name this store's own folder; if these are its files, or they are " +
            std::string("lost for good, write ") + text_of(*known) + " into " +
            (folder / blobs::kMarkName).string());
  }
  EMSTORE_TRY(const bool holds_media, blobs::holds_media(folder));
  EMSTORE_TRY(const bool is_new, knows_nothing(*view));
  if (holds_media && is_new) return is_used(folder);
  if (!known) {
    known = store::MediaMark{};
    opened.environment->random(known->id);
    EMSTORE_CHECKED(opened.store->note(*known));
  }
  return place(folder, *opened.store, *known);
}

}  // namespace emstore::daemon
