#include "images/template/template.h"

#include "base/io.h"
#include "cli/image/transfer_session.h"
#include "cli/image/verbs.h"
#include "cli/operator/open_store.h"

namespace shoji::cli::image {

namespace {

constexpr size_t kLargestTemplate = 4 << 20;

Result<int> build(const op::Globals& globals, op::TemplateBuildOptions& options, Arguments& arguments) {
  TRY_ASSIGN(images::Template description, images::load_template(arguments[0]));
  images::BuildOptions how;
  how.no_cache = options.no_cache;
  if (!options.tag.empty()) {
    TRY_ASSIGN(how.name, images::parse_reference(options.tag));
  }
  TRY_ASSIGN(images::Store store, op::open_store(globals, images::Store::Access::kWrite));
  auto progress = progress_for(options);
  TRY_ASSIGN(images::Image image, images::build_template(store, description, how, *progress));
  progress.reset();
  TRY(print_image(options, image));
  return kExitOk;
}

Result<int> list(const op::Globals& /*globals*/, op::TemplateLsOptions& options, Arguments& /*arguments*/) {
  std::vector<op::ListedTemplateRow> rows;
  for (const images::ListedTemplate& listed : images::list_templates())
    rows.push_back({listed.name, listed.description, listed.path});
  TRY(print(listing(op::template_columns(), options, rows)));
  return kExitOk;
}

// Where a name leads; anything else is a path.
std::string path_of(const std::string& name_or_path) {
  for (const images::ListedTemplate& listed : images::list_templates())
    if (listed.name == name_or_path) return listed.path;
  return name_or_path;
}

Result<int> show(const op::Globals& /*globals*/, NoOptions& /*options*/, Arguments& arguments) {
  TRY(images::load_template(arguments[0]));
  TRY_ASSIGN(std::string text, read_file(path_of(arguments[0]), kLargestTemplate));
  TRY(print(text.ends_with('\n') ? text : text + "\n"));
  return kExitOk;
}

}  // namespace

constinit const Verb template_build_verb = acting<op::TemplateBuildOptions, build>(op::kTemplateBuild);
constinit const Verb template_ls_verb = acting<op::TemplateLsOptions, list>(op::kTemplateLs);
constinit const Verb template_show_verb = acting<NoOptions, show>(op::kTemplateShow);

}  // namespace shoji::cli::image
