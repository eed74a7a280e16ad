"""Make the pictures of README and docs from the published section Rep1.

    CONCEPTSTAIN_DATA=... xvfb-run -a -s "-screen 0 1280x800x24" python docs/make_images.py [--difference | ...]

Fits an encoder to the section (about half a minute), draws the maps of three concepts and, by scanpy, those of a saved
study, then walks through the dock with the same encoder, has encoders of spots fitted there (as long again), and takes
pictures of it. With ``--difference`` it only draws two concepts and their difference on the bundled section, with
``--checks`` it only takes the picture of the checks of a map there, with ``--attention`` that of the latents, and with
``--deviation`` that of what deviates: none of these needs data. With ``--pictures`` it only takes those of the dock on
a slide, the H&E picture of Rep1, and on stained nuclei of the 2018 Data Science Bowl; with ``--units`` that of units of
a classifier, which is fitted to the same nuclei, with ``--what-if`` that of a counterfactual on the bundled section.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import napari
import numpy as np
import scanpy
from napari._qt.dialogs.qt_notification import NapariQtNotification
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QScrollArea

import conceptstain as cs
from conceptstain._napari import make_widget
from conceptstain._qt.picture_browser import Side
from conceptstain._qt.unit_table import LABEL
from conceptstain.canvas.region import Polygon
from conceptstain.figures import FigureSettings, save_figure
from conceptstain.methods.maps import map_kind

IMAGES = Path(__file__).parent / "images"
GENES = ("Penk", "Doc2g", "Kctd12")
NUCLEI = 0.2  # of a picture, from which it counts as dense
UNITS_FRAME = 128  # pixels that the classifier of nuclei sees
UNITS_ACTIVE = 5  # per cent of the places: nuclei take a fifth of the pictures
WHAT_IF_EPOCHS, WHAT_IF_SPOTS = 30, 60
MAPS = ("decoded", "gradient", "rectified", "gene-mean")


def published() -> Path:
    root = os.environ.get("CONCEPTSTAIN_DATA")
    found = sorted(Path(root).rglob("Rep1_MOB_count_matrix-1.tsv*")) if root else []
    return found[0] if found else sys.exit("Set CONCEPTSTAIN_DATA to the folder of the published sections.")


def draw_maps(canvas: cs.GenePictures, encoder: cs.Encoder) -> None:
    concepts = [cs.concept(gene, canvas, encoder, like=gene) for gene in GENES]
    maps = [map_kind(key).make(canvas, encoder, concept) for concept in concepts for key in MAPS]
    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=len(MAPS), panel_width=1.7))
    save_figure(drawn, IMAGES / "rep1-maps.png", dpi=150, overwrite=True)


def draw_difference() -> None:
    canvas, encoder = cs.sample().view("genes"), cs.bundled("gene-pictures")
    mitral, granule = (cs.concept(gene, canvas, encoder, like=gene) for gene in ("Doc2g", "Penk"))
    maps = [map_kind("gene-mean").make(canvas, encoder, each) for each in (mitral, granule, mitral - granule)]
    drawn = cs.figure(canvas, *maps, settings=FigureSettings(columns=len(maps), panel_width=1.7))
    save_figure(drawn, IMAGES / "difference.png", dpi=150, overwrite=True)


def draw_with_scanpy(canvas: cs.GenePictures, encoder: cs.Encoder) -> None:
    study = cs.Study()
    study.show(canvas)
    study.use(encoder)
    for gene in GENES[:2]:
        study.add(cs.Definition(gene, like=gene))
        study.keep(map_kind("decoded").make(canvas, encoder, study.concept(gene)))
    with tempfile.TemporaryDirectory() as folder:
        saved = scanpy.read_h5ad(study.save(Path(folder) / "study.h5ad"))
    maps = [made.title for made in study.findings]
    warnings.simplefilter("ignore", FutureWarning)
    scanpy.pl.spatial(saved, color=maps, cmap="RdBu_r", vcenter=0, alpha_img=0.6, frameon=False, show=False)
    plt.gcf().savefig(IMAGES / "study-in-scanpy.png", dpi=90, bbox_inches="tight")


def take_picture_of_the_dock(weights: Path) -> None:
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")

    def settled() -> None:
        if dock.jobs.busy:
            loop = QEventLoop()
            dock.jobs.idle.connect(loop.quit)
            loop.exec()
            dock.jobs.idle.disconnect(loop.quit)

    def tested() -> None:
        settled()
        while not dock.jobs.at_rest:
            loop = QEventLoop()
            dock.jobs.quiet.connect(loop.quit)
            loop.exec()
            dock.jobs.quiet.disconnect(loop.quit)

    def take_picture(name: str) -> None:
        for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
            note.close()  # they fade only in a window that is in front
        QTest.qWait(500)
        viewer.screenshot(IMAGES / name, canvas_only=False, flash=False)

    dock.opening.open(published())
    settled()
    dock.model.load_wanted.emit([weights])
    settled()
    around = np.linspace(0, 2 * np.pi, 40)
    lasso = np.array([2900.0, 2500.0]) + np.stack([420 * np.sin(around), 330 * np.cos(around)], axis=1)
    viewer.layers["regions"].add_polygons([lasso])
    inside = Polygon((lasso,)).choose(dock.study.need_canvas().section).sum()
    dock.concepts.maker.name.setText(f"{inside} spots")
    dock.concepts.maker.tabs.setCurrentIndex(1)
    dock.concepts.maker.make_button.click()
    settled()
    dock.concepts.maker.tabs.setCurrentIndex(0)
    for gene in reversed(GENES):
        dock.concepts.maker.genes.setText(gene)
        dock.concepts.maker.make_button.click()
        settled()
    tested()
    dock.concepts.fold()
    take_picture("widget-rep1.png")
    dock.maps.fold()
    dock.concepts.unfold()
    dock.concepts.choose(f"{inside} spots")
    settled()
    dock.maps.choose("spot-score")
    tested()
    dock.model.fold()
    take_picture("widget-evidence.png")
    dock.jobs.close()
    viewer.close()


def take_picture_of_the_checks() -> None:
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False
    row = dock.maps.check

    def settled() -> None:
        while dock.jobs.busy:
            QTest.qWait(50)
        QTest.qWait(300)

    dock.data.sample_button.click()
    settled()
    dock.concepts.maker.genes.setText("Penk")
    dock.concepts.maker.make_button.click()
    settled()
    dock.maps.choose("guided")
    settled()
    taken = []
    for number in range(row.choice.count()):
        row.choice.setCurrentIndex(number)
        row.button.click()
        settled()
        taken.append(row.grab())
    gap = 20
    width, height = sum(each.width() + gap for each in taken) - gap, max(each.height() for each in taken)
    picture = QPixmap(width, height)
    picture.fill(row.palette().color(row.backgroundRole()))
    painter, left = QPainter(picture), 0
    for each in taken:
        painter.drawPixmap(left, 0, each)
        left += each.width() + gap
    painter.end()
    picture.save(str(IMAGES / "checks.png"))
    dock.jobs.close()
    viewer.close()


def take_picture_of_the_latents() -> None:
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False

    def settled() -> None:
        while dock.jobs.busy:
            QTest.qWait(50)
        QTest.qWait(300)

    dock.data.sample_button.click()
    settled()
    for card in (dock.concepts, dock.maps):
        card.fold()
    dock.attention.unfold()
    settled()
    dock.attention.view.setCurrentIndex(dock.attention.list.index(1))
    settled()
    for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
        note.close()  # they fade only in a window that is in front
    QTest.qWait(500)
    viewer.screenshot(IMAGES / "widget-attention.png", canvas_only=False, flash=False)
    dock.jobs.close()
    viewer.close()


def take_picture_of_what_deviates() -> None:
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False

    def settled() -> None:
        while dock.jobs.busy or not dock.jobs.at_rest:
            QTest.qWait(50)
        QTest.qWait(300)

    dock.data.sample_button.click()
    settled()
    maker = dock.concepts.maker
    maker.tabs.setCurrentWidget(maker.annotation_page)
    maker.column.setCurrentText("layer")
    maker.value.setCurrentText("GCL")
    maker.normal_button.click()
    settled()
    for card in (dock.data, dock.model, dock.concepts):
        card.fold()
    for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
        note.close()  # they fade only in a window that is in front
    QTest.qWait(500)
    viewer.screenshot(IMAGES / "widget-deviation.png", canvas_only=False, flash=False)
    dock.jobs.close()
    viewer.close()


def take_pictures_of_pictures(folder: Path) -> None:
    """The dock on a slide and on a set of pictures; ``folder`` is for files that are needed meanwhile."""
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")

    def tested() -> None:
        while dock.jobs.busy or not dock.jobs.at_rest:
            QTest.qWait(100)

    def take_picture(name: str) -> None:
        for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
            note.close()  # they fade only in a window that is in front
        QTest.qWait(500)
        viewer.screenshot(IMAGES / name, canvas_only=False, flash=False)

    data = published().parent
    dock.opening.open(data / "HE_Rep1.jpg")
    tested()
    around = np.linspace(0, 2 * np.pi, 40)
    lasso = np.array([830.0, 590.0]) + np.stack([150 * np.sin(around), 75 * np.cos(around)], axis=1)
    viewer.layers["regions"].add_polygons([lasso])
    dock.concepts.maker.name.setText("granule cells")
    dock.concepts.maker.make_button.click()
    tested()
    dock.data.fold()
    take_picture("widget-slide.png")

    rows = ["picture,dense"]
    for path in sorted((data.parent / "nuclei" / "histology").glob("*_labels.png")):
        picture = path.with_name(path.name.replace("_labels", ""))
        (folder / picture.name).write_bytes(picture.read_bytes())
        labels = plt.imread(path)
        rows.append(f"{picture.name},{int((labels > 0).mean() > NUCLEI)}")
    (folder / "table.csv").write_text("\n".join(rows))
    dock.opening.open(folder)
    tested()
    maker = dock.concepts.maker
    maker.tabs.setCurrentWidget(maker.table_page)
    maker.table_page.table_wanted.emit(folder / "table.csv")
    tested()
    maker.form_choice.setCurrentText("whitened")
    maker.make_button.click()
    tested()
    maker.ticked_page.browser.mark(maker.table_page.chosen[0], Side.SHOWS)
    maker.tabs.setCurrentWidget(maker.ticked_page)
    maker.ticked_page.browser.order.setCurrentIndex(1)
    dock.painter.tissue.look_at(int(np.argmax(dock.study.item_scores("dense"))))
    tested()
    take_picture("widget-pictures.png")
    dock.jobs.close()
    viewer.close()


def stained_nuclei(folder: Path) -> tuple[Path, Path]:
    """Folders of pictures and of their masks, by the same names."""
    pictures, masks = folder / "nuclei", folder / "masks"
    for each in (pictures, masks):
        each.mkdir()
    for path in sorted((published().parents[1] / "nuclei" / "histology").glob("*_labels.png")):
        picture = path.with_name(path.name.replace("_labels", ""))
        (pictures / picture.name).write_bytes(picture.read_bytes())
        (masks / picture.name).write_bytes(path.read_bytes())
    return pictures, masks


def take_picture_of_the_units(folder: Path) -> None:
    pictures, masks = stained_nuclei(folder)
    canvas = cs.open(pictures).view("images", frame=UNITS_FRAME)
    painted = cs.painted_labels(canvas, masks, instances="nucleus")
    classifier = cs.fit_classifier(canvas, cs.part_labels(canvas, painted, background="background"), name="nuclei")
    weights = cs.save_classifier(classifier, folder / "nuclei.safetensors")
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False
    card = dock.units

    def settled() -> None:
        while dock.jobs.busy or not dock.jobs.at_rest:
            QTest.qWait(50)
        QTest.qWait(500)

    dock.opening.open(pictures)
    settled()
    dock.data.view_wanted.emit(UNITS_FRAME)
    settled()
    for each in dock.cards:
        each.fold()
    card.unfold()
    settled()
    card.file_wanted.emit(weights)
    settled()
    card.labels.masks_wanted.emit(masks)
    card.labels.names.setText("nucleus")
    colours = card.labels.list.item(card.labels.list.count() - 1)
    colours.setCheckState(Qt.CheckState.Checked)
    card.quantile.setValue(UNITS_ACTIVE)
    card.dissect_button.click()
    settled()
    card.search.setText("nucleus")
    card.view.setCurrentIndex(card.table.index(0, LABEL))
    settled()
    for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
        note.close()  # they fade only in a window that is in front
    dock.findChild(QScrollArea).ensureWidgetVisible(card.seen)
    QTest.qWait(500)
    viewer.screenshot(IMAGES / "widget-units.png", canvas_only=False, flash=False)
    dock.jobs.close()
    viewer.close()


def take_picture_of_a_what_if(folder: Path) -> None:
    """What would have to change for spots of the granule layer to be taken for the mitral layer."""
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)  # noqa: SLF001 - napari has no public way
    dock = make_widget(viewer)
    viewer.window.add_dock_widget(dock, name="Concept Stain", area="right")
    dock.staining.judging.enabled = False
    card = dock.what_if

    def settled() -> None:
        while dock.jobs.busy or not dock.jobs.at_rest:
            QTest.qWait(50)
        QTest.qWait(500)

    dock.data.sample_button.click()
    settled()
    dock.opening.fit("spots", WHAT_IF_EPOCHS)
    settled()
    profiles = dock.study.spot_canvas
    classifier = cs.fit_classifier(profiles, cs.class_labels(profiles, obs="layer"), name="layers")
    weights = cs.save_classifier(classifier, folder / "layers.safetensors")
    for each in dock.cards:
        each.fold()
    card.unfold()
    settled()
    card.network.setCurrentIndex(1)
    settled()
    granule = np.flatnonzero(dock.study.section.adata.obs["layer"] == "GCL")[:WHAT_IF_SPOTS]
    dock.painter.tissue.pick(granule.tolist())
    card.viewer_button.click()
    settled()
    card.file_wanted.emit(weights)
    settled()
    card.tabs.setCurrentWidget(card.counterfactual)
    card.counterfactual.target.setCurrentText("MCL")
    card.counterfactual.find_button.click()
    settled()
    card.counterfactual.keep_button.click()
    settled()
    for note in viewer.window._qt_window.findChildren(NapariQtNotification):  # noqa: SLF001
        note.close()  # they fade only in a window that is in front
    dock.findChild(QScrollArea).ensureWidgetVisible(card.counterfactual)
    QTest.qWait(500)
    viewer.screenshot(IMAGES / "widget-what-if.png", canvas_only=False, flash=False)
    dock.jobs.close()
    viewer.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    in_folder = {"--what-if": take_picture_of_a_what_if, "--units": take_picture_of_the_units}
    for word in set(in_folder) & set(sys.argv):
        with tempfile.TemporaryDirectory() as folder:
            in_folder[word](Path(folder))
        return
    if "--pictures" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "nuclei").mkdir()
            take_pictures_of_pictures(Path(folder) / "nuclei")
        return
    if not {"--checks", "--attention", "--deviation"} & set(sys.argv):
        draw_difference()
    if "--difference" in sys.argv:
        return
    if not {"--attention", "--deviation"} & set(sys.argv):
        take_picture_of_the_checks()
    if "--checks" in sys.argv:
        return
    if "--deviation" not in sys.argv:
        take_picture_of_the_latents()
    if "--attention" in sys.argv:
        return
    take_picture_of_what_deviates()
    if "--deviation" in sys.argv:
        return
    canvas = cs.open(published()).view("genes")
    encoder = cs.fit(canvas)
    draw_maps(canvas, encoder)
    draw_with_scanpy(canvas, encoder)
    weights = cs.save_encoder(encoder, IMAGES / "rep1.safetensors")
    try:
        take_picture_of_the_dock(weights)
    finally:
        weights.unlink()


if __name__ == "__main__":
    main()
