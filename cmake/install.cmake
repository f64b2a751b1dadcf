# What `cmake --install` puts in place, and the Debian package made of it.
install(TARGETS shoji-oci shoji RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
# shoji looks for it at ../libexec/shoji from where it is itself.
install(TARGETS shoji-image shoji-net RUNTIME DESTINATION libexec/shoji)
install(FILES docs/man/shoji-oci.8 docs/man/shoji.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(DIRECTORY examples/templates/ DESTINATION ${CMAKE_INSTALL_DATADIR}/shoji/templates)

# shoji_completion(PROGRAM SHELL FILE DIRECTORY): the completion script comes from the verb table, by way of the program
# itself.
function(shoji_completion program shell file directory)
  set(completion ${PROJECT_BINARY_DIR}/completions/${shell}/${file})
  add_custom_command(OUTPUT ${completion}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/completions/${shell}
    COMMAND $<TARGET_FILE:${program}> completion ${ARGN} > ${completion}
    DEPENDS ${program} VERBATIM)
  add_custom_target(completion-${program}-${shell} ALL DEPENDS ${completion})
  install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/${directory})
endfunction()
shoji_completion(shoji-oci bash shoji-oci bash-completion/completions)
shoji_completion(shoji bash shoji bash-completion/completions)
shoji_completion(shoji zsh _shoji zsh/vendor-completions zsh)

install(FILES README.md docs/images.md docs/limits.md docs/networks.md docs/status.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN templates EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "Shoji developers <developers@shoji.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
# Of shoji-image and shoji-net; the other programs are static.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libnftables1)  # shoji-net loads it by itself
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "mmdebstrap, e2fsprogs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "OCI container runtime, images and roots
 shoji-oci makes containers from OCI bundles: namespaces, control groups (v2,
 and v1 on hybrid hosts), seccomp, capabilities. One small static program,
 with the command line of runc.
 .
 shoji brings images from registries and archives, builds them from packages,
 keeps nothing twice, and makes writable roots of them, with quotas, snapshots
 and clones.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
